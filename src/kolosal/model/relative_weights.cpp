#include "kolosal/model/relative_weights.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kolosal::model {

std::vector<double> relative_factors(const data::TargetView& y, std::span<const std::uint32_t> of,
                                     std::span<const std::uint32_t> rows) {
  constexpr double kSmallestShare = 0.01;
  double sum = 0;
  for (const std::uint32_t row : of) sum += std::abs(y.values[row]);
  const double smallest = kSmallestShare * sum / static_cast<double>(of.size());
  std::vector<double> out(rows.size(), 1.0);
  if (!(smallest > 0)) return out;  // all are 0
  std::ranges::transform(rows, out.begin(), [&](std::uint32_t row) {
    return smallest / std::max(std::abs(y.values[row]), smallest);
  });
  return out;
}

std::vector<double> relative_weights(const data::TargetView& y) {
  std::vector<std::uint32_t> all(y.values.size());
  std::iota(all.begin(), all.end(), 0U);
  std::vector<double> out = relative_factors(y, all, all);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] *= y.weight(i);
  return out;
}

}  // namespace kolosal::model
