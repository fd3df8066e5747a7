#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "kolosal/kernel/radix_sort.hpp"

namespace kolosal::metric {

using kernel::sort_key;

/// A score with the weight of its row. Rows that all count 1 are sorted as bare keys: half the memory.
struct WeightedScore {
  std::uint64_t key = 0;
  double row_weight = 0;
};

inline std::uint64_t key_of(std::uint64_t item) { return item; }
inline std::uint64_t key_of(const WeightedScore& item) { return item.key; }
inline std::uint64_t weight_of(std::uint64_t) { return 1; }
inline double weight_of(const WeightedScore& item) { return item.row_weight; }

/// The scores of a binary problem, sorted: the positive and the negative rows each for themselves.
template <typename Item>
struct SortedScores {
  using Weight = decltype(weight_of(Item{}));

  std::vector<Item> positive;
  std::vector<Item> negative;

  void sort() {
    constexpr auto key = [](const Item& item) { return key_of(item); };
    kernel::radix_sort(positive, key);
    kernel::radix_sort(negative, key);
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
