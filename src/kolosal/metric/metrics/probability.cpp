#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {
namespace {

using data::TargetView;
using data::Task;
using Prediction = std::span<const double>;

/// Clipped to the machine epsilon, as in scikit-learn (training_loss clips to 1e-15).
double log_loss(const TargetView& y, Prediction p) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  return weighted_mean(y, [&](std::size_t i) {
    const double true_class = y.task == Task::kMulticlass
                                  ? p[i * y.n_classes + static_cast<std::size_t>(y.values[i])]
                              : y.values[i] > 0.5 ? p[i]
                                                  : 1 - p[i];
    return -std::log(std::clamp(true_class, kEpsilon, 1 - kEpsilon));
  });
}

/// Binary: mean of (probability - target)^2. Multiclass: the sum over the classes, not halved.
double brier_score(const TargetView& y, Prediction p) {
  if (y.task == Task::kBinary)
    return weighted_mean(y, [&](std::size_t i) { return (p[i] - y.values[i]) * (p[i] - y.values[i]); });
  return weighted_mean(y, [&](std::size_t i) {
    double sum = 0;
    for (std::size_t c = 0; c < y.n_classes; ++c) {
      const double error = p[i * y.n_classes + c] - (static_cast<std::size_t>(y.values[i]) == c ? 1.0 : 0.0);
      sum += error * error;
    }
    return sum;
  });
}

}  // namespace

std::vector<Metric> probability_metrics() {
  const std::vector<Task> all = {Task::kBinary, Task::kMulticlass};
  return {
      {"log_loss",
       {"neg_log_loss", "logloss", "cross_entropy"},
       "Mean negative logarithm of the true class's probability.",
       all,
       false,
       true,
       log_loss},
      {"brier_score",
       {"neg_brier_score", "brier", "brier_score_loss"},
       "Mean squared error of the probabilities.",
       all,
       false,
       true,
       brier_score},
  };
}

}  // namespace kolosal::metric
