#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "kolosal/kernel/radix_sort.hpp"
#include "kolosal/metric/ranking_internal.hpp"

namespace kolosal::metric {

/// Reorders the values, of which there is one at least.
inline double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

/// The mean of the two middle values when the weights below and above are equal (Hyndman and Fan, definition
/// 2). One weight at least is positive.
inline double weighted_median(std::span<const double> values, std::span<const double> weights) {
  std::vector<WeightedScore> sorted;
  sorted.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (weights[i] > 0) sorted.push_back({sort_key(values[i]), weights[i]});
  kernel::radix_sort(sorted, [](const WeightedScore& item) { return item.key; });
  double total = 0;
  for (const WeightedScore& item : sorted) total += item.row_weight;
  double cumulated = 0;
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    cumulated += sorted[k].row_weight;
    if (cumulated < total / 2) continue;
    const double value = kernel::double_of_key(sorted[k].key);
    const bool in_the_middle = cumulated - total / 2 <= std::numeric_limits<double>::epsilon();
    if (!in_the_middle || k + 1 == sorted.size()) return value;
    return (value + kernel::double_of_key(sorted[k + 1].key)) / 2;
  }
  return kernel::double_of_key(sorted.back().key);  // rounding kept the sum below the half
}

}  // namespace kolosal::metric
