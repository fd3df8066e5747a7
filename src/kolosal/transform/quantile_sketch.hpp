#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/core/random.hpp"

namespace kolosal::transform {

/// Numbers in order, each of which stands for several that are about as large.
class WeightedNumbers {
 public:
  struct Item {
    double number = 0;
    std::uint64_t weight = 1;
  };

  explicit WeightedNumbers(std::vector<Item> items);
  /// Ascending.
  std::span<const Item> items() const { return items_; }
  /// The sum of the weights.
  std::uint64_t count() const { return ends_.empty() ? 0 : ends_.back(); }
  /// The number of a rank 0 ... count() - 1.
  double at(std::uint64_t rank) const;
  /// Linear between the two nearest numbers, as NumPy's default; 0 for no numbers.
  double quantile(double share) const;

 private:
  std::vector<Item> items_;
  std::vector<std::uint64_t> ends_;  // by item, the rank after its last number
};

/// Quantiles of numbers that come in any number and order, in at most 300 kB.
///
/// Up to kExact numbers they are exact. Beyond, numbers are thinned: a level of weight w that is full is
/// sorted, and every other number goes on with weight 2 w. The rank of a quantile is then off by at most
/// kRankError of all numbers (99 % confidence, one quantile). Two sketches can be merged, with the same bound
/// for the whole. The same numbers in the same batches give the same sketch.
/// Source: KLL, Karnin, Lang and Liberty, "Optimal quantile approximation in streams" (2016), levels of k
/// (2/3)^depth; the error is the one measured for k = 4096 in Apache DataSketches (2.296 / k^0.9021).
class QuantileSketch {
 public:
  static constexpr std::size_t kExact = 1 << 15;
  static constexpr double kRankError = 0.0013;

  /// Numbers must be finite.
  void add(std::span<const double> numbers);
  void merge(const QuantileSketch& other);

  std::size_t count() const { return count_; }
  /// Linear between the two nearest numbers, as NumPy's default; 0 for no numbers.
  std::vector<double> quantiles(std::span<const double> shares) const;
  /// What is kept, with the weights that thinning gave it.
  WeightedNumbers sorted() const;
  std::size_t n_kept() const;

 private:
  void shrink();

  std::vector<std::vector<double>> levels_;  // level h: numbers of weight 2^h
  std::size_t count_ = 0;
  Rng rng_{0x5ca1ab1e};  // which half of a level goes on
};

}  // namespace kolosal::transform
