#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <variant>

namespace kolosal {

/// A part of a seed's name: derive_seed(42, {"trial", 3, "fold", 1}).
using SeedPart = std::variant<std::string_view, std::uint64_t>;

/// A seed that depends on the name alone, never on the order in which work happens to run.
std::uint64_t derive_seed(std::uint64_t seed, std::initializer_list<SeedPart> name);

/// xoshiro256++ (Blackman and Vigna, 2019), seeded by splitmix64. The same seed gives the same numbers
/// everywhere.
class Rng {
 public:
  using result_type = std::uint64_t;
  explicit Rng(std::uint64_t seed);

  std::uint64_t operator()();
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }

  /// Uniform in [0, 1) with 53 bits.
  double uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
  /// Uniform in [0, n), without bias (Lemire 2019). n must be positive.
  std::uint64_t below(std::uint64_t n);
  /// Standard normal (Marsaglia's polar method).
  double normal();

  /// Fisher-Yates; unlike std::shuffle the result is the same for every standard library.
  template <typename Range>
  void shuffle(Range&& range) {
    for (std::uint64_t i = range.size(); i > 1; --i) std::swap(range[i - 1], range[below(i)]);
  }

 private:
  std::uint64_t state_[4];
};

}  // namespace kolosal
