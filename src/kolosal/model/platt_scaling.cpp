#include "kolosal/model/platt_scaling.hpp"

#include <cmath>
#include <cstddef>

#include "kolosal/model/link_functions.hpp"

namespace kolosal::model {

PlattScaling fit_platt(std::span<const double> scores, std::span<const double> is_positive,
                       std::span<const double> weights) {
  const auto weight_of = [&](std::size_t i) { return weights.empty() ? 1.0 : weights[i]; };
  double positive = 0, negative = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) (is_positive[i] > 0 ? positive : negative) += weight_of(i);
  const double high = (positive + 1) / (positive + 2), low = 1 / (negative + 2);
  const auto target = [&](std::size_t i) { return is_positive[i] > 0 ? high : low; };
  const auto loss_of = [&](const PlattScaling& p) {
    double loss = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double z = p.slope * scores[i] + p.offset;
      loss += weight_of(i) * (std::fmax(z, 0.0) - target(i) * z + std::log1p(std::exp(-std::fabs(z))));
    }
    return loss;
  };

  PlattScaling best{0, std::log((positive + 1) / (negative + 1))};
  double loss = loss_of(best);
  for (int iteration = 0; iteration < 100; ++iteration) {
    // The small numbers keep the second derivatives invertible where all scores are alike.
    double aa = 1e-12, bb = 1e-12, ab = 0, a = 0, b = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double p = sigmoid(best.slope * scores[i] + best.offset);
      const double first = weight_of(i) * (p - target(i)), second = weight_of(i) * p * (1 - p);
      a += first * scores[i], b += first;
      aa += second * scores[i] * scores[i], ab += second * scores[i], bb += second;
    }
    if (std::fabs(a) < 1e-9 && std::fabs(b) < 1e-9) break;
    const double determinant = aa * bb - ab * ab;
    const double by_slope = -(bb * a - ab * b) / determinant, by_offset = -(aa * b - ab * a) / determinant;
    const double decrease = a * by_slope + b * by_offset;
    if (!(decrease < -1e-13 * loss)) break;  // no step can lower it by what a sum of this size shows
    bool found = false;
    for (double step = 1; step > 1e-10 && !found; step /= 2) {
      const PlattScaling trial{best.slope + step * by_slope, best.offset + step * by_offset};
      const double trial_loss = loss_of(trial);
      if (!(trial_loss < loss + 1e-4 * step * decrease)) continue;
      best = trial;
      loss = trial_loss;
      found = true;
    }
    if (!found) break;  // at the limit of the arithmetic
  }
  return best;
}

}  // namespace kolosal::model
