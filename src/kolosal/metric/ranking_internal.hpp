#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "kolosal/data/target.hpp"
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

template <typename Item>
void sort_scores(std::vector<Item>& items) {
  kernel::radix_sort(items, [](const Item& item) { return key_of(item); });
}

template <typename Item>
auto sum_of_weights(const std::vector<Item>& items) {
  decltype(weight_of(Item{})) out = 0;
  for (const Item& item : items) out += weight_of(item);
  return out;
}

/// Calls visit(weight of the positive rows, weight of the negative rows) for each distinct score of the two
/// sorted lists, the highest first.
template <typename Item, typename Visit>
void for_each_score(const std::vector<Item>& positive, const std::vector<Item>& negative, Visit visit) {
  using Weight = decltype(weight_of(Item{}));
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

/// The scores of a binary problem: the positive and the negative rows each for themselves.
template <typename Item>
struct BinaryScores {
  using Weight = decltype(weight_of(Item{}));

  std::vector<Item> positive;
  std::vector<Item> negative;

  void sort() {
    sort_scores(positive);
    sort_scores(negative);
  }

  template <typename Visit>
  void for_each_score(Visit visit) const {
    metric::for_each_score(positive, negative, visit);
  }
};

/// Share of the pairs of a positive and a negative row that are in the right order; a tie is half a pair.
/// Without weights all sums are integers, so the result is exact. NaN when a side is empty. Both lists are
/// sorted.
template <typename Item>
double area_under_roc(const std::vector<Item>& sorted_positive, const std::vector<Item>& sorted_negative) {
  using Weight = decltype(weight_of(Item{}));
  const auto positive = static_cast<double>(sum_of_weights(sorted_positive));
  const auto negative = static_cast<double>(sum_of_weights(sorted_negative));
  if (!(positive > 0) || !(negative > 0)) return std::numeric_limits<double>::quiet_NaN();
  Weight above = 0, twice_the_pairs = 0;
  for_each_score(sorted_positive, sorted_negative, [&](Weight p, Weight n) {
    twice_the_pairs += n * (2 * above + p);
    above += p;
  });
  return static_cast<double>(twice_the_pairs) / 2 / positive / negative;
}

/// The rows of class `positive` against all others, by the score in `column`, sorted.
template <typename Item>
BinaryScores<Item> one_against_rest(const data::TargetView& y, std::span<const double> prediction,
                                    std::size_t positive, std::size_t column) {
  const std::size_t stride = y.n_outputs();
  std::size_t n_positive = 0;
  for (const double value : y.values) n_positive += static_cast<std::size_t>(value) == positive ? 1 : 0;
  // Both sides get each row, and the side that it is not of overwrites it: a branch would be a guess.
  BinaryScores<Item> scores;
  scores.positive.resize(n_positive + 1);
  scores.negative.resize(y.values.size() - n_positive + 1);
  std::size_t p = 0, n = 0;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    Item item{};
    if constexpr (std::is_same_v<Item, WeightedScore>)
      item = {sort_key(prediction[i * stride + column]), y.weights[i]};
    else
      item = sort_key(prediction[i * stride + column]);
    const std::size_t is_positive = static_cast<std::size_t>(y.values[i]) == positive ? 1 : 0;
    scores.positive[p] = item;
    scores.negative[n] = item;
    p += is_positive;
    n += 1 - is_positive;
  }
  scores.positive.pop_back();
  scores.negative.pop_back();
  scores.sort();
  return scores;
}

/// score(BinaryScores) of a class against all others, by the score in `column`.
template <typename Score>
double score_one_against_rest(const data::TargetView& y, std::span<const double> prediction,
                              std::size_t positive, std::size_t column, Score score) {
  return y.weights.empty() ? score(one_against_rest<std::uint64_t>(y, prediction, positive, column))
                           : score(one_against_rest<WeightedScore>(y, prediction, positive, column));
}

}  // namespace kolosal::metric
