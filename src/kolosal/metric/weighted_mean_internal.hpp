#pragma once

#include <array>
#include <cstddef>

#include "kolosal/data/target.hpp"

namespace kolosal::metric {

/// Sum over [0, n) of value(i). Four accumulators hide the latency of the addition and halve the rounding
/// error.
template <typename Value>
double sum_over(std::size_t n, Value value) {
  std::array<double, 4> sums{};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += value(i + lane);
  for (; i < n; ++i) sums[0] += value(i);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

inline double total_weight(const data::TargetView& y) {
  if (y.weights.empty()) return static_cast<double>(y.values.size());
  return sum_over(y.weights.size(), [&](std::size_t i) { return y.weights[i]; });
}

/// Mean over the rows of value(row), each row with its weight.
template <typename Value>
double weighted_mean(const data::TargetView& y, Value value) {
  if (y.weights.empty()) return sum_over(y.values.size(), value) / total_weight(y);
  return sum_over(y.values.size(), [&](std::size_t i) { return y.weights[i] * value(i); }) / total_weight(y);
}

}  // namespace kolosal::metric
