#pragma once

#include <cstdint>
#include <vector>

namespace kolosal::profile {

/// Estimates how many different 64-bit hashes were added, in 16 KB.
///
/// Source: Flajolet, Fusy, Gandouet and Meunier (2007), 2^14 registers: the relative standard error is 0.81
/// %; few values are counted by the empty registers (linear counting), as they propose. With 64-bit hashes no
/// correction for large counts is needed (Heule, Nunkesser and Hall 2013).
class HyperLogLog {
 public:
  static constexpr int kBits = 14;
  static constexpr double kStandardError = 0.0081;

  HyperLogLog() : registers_(std::size_t{1} << kBits) {}
  void add(std::uint64_t hash);
  /// The same as if all had been added to one.
  void merge(const HyperLogLog& other);
  double estimate() const;

 private:
  std::vector<std::uint8_t> registers_;
};

}  // namespace kolosal::profile
