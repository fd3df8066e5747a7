#pragma once

#include <cstddef>
#include <span>

#include "kolosal/data/target.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {

/// The loss that the quantile minimizes (Koenker and Bassett, 1978), of one row: a target above the
/// prediction costs quantile per unit, one below 1 - quantile. error: target - prediction.
inline double pinball(double error, double quantile) {
  return error >= 0 ? quantile * error : (quantile - 1) * error;
}

/// Its mean over the rows and the target's quantiles, of which there is at least one.
inline double mean_pinball(const data::TargetView& y, std::span<const double> p) {
  const std::size_t width = y.quantiles.size();
  return weighted_mean(y, [&](std::size_t i) {
    double sum = 0;
    for (std::size_t k = 0; k < width; ++k) sum += pinball(y.values[i] - p[i * width + k], y.quantiles[k]);
    return sum / static_cast<double>(width);
  });
}

}  // namespace kolosal::metric
