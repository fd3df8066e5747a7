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
double clipped_log_loss(double probability) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  return -std::log(std::clamp(probability, kEpsilon, 1 - kEpsilon));
}

double log_loss(const TargetView& y, Prediction p) {
  return weighted_mean(y, [&](std::size_t i) {
    const double true_class = y.task == Task::kMulticlass
                                  ? p[i * y.n_classes + static_cast<std::size_t>(y.values[i])]
                              : y.values[i] > 0.5 ? p[i]
                                                  : 1 - p[i];
    return clipped_log_loss(true_class);
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

/// The weight of each class, as a share of all: the best prediction that is the same for all rows.
std::vector<double> class_shares(const TargetView& y) {
  std::vector<double> shares(y.n_classes);
  for (std::size_t i = 0; i < y.values.size(); ++i)
    shares[static_cast<std::size_t>(y.values[i])] += y.weight(i);
  const double total = total_weight(y);
  for (double& share : shares) share /= total;
  return shares;
}

/// 1 - loss / loss of the shares of the classes. Undefined (NaN) for less than two rows, as in scikit-learn.
double d2(const TargetView& y, double loss, double loss_of_shares) {
  if (y.values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  return 1 - loss / loss_of_shares;
}

double d2_log_loss(const TargetView& y, Prediction p) {
  double loss_of_shares = 0;
  for (const double share : class_shares(y)) loss_of_shares += share * clipped_log_loss(share);
  return d2(y, log_loss(y, p), loss_of_shares);
}

double d2_brier(const TargetView& y, Prediction p) {
  const std::vector<double> shares = class_shares(y);
  double loss_of_shares = 0;  // for one row: the sum over the classes, so twice the binary Brier score
  for (const double share : shares) loss_of_shares += share * (1 - share);
  return d2(y, brier_score(y, p), y.task == Task::kBinary ? loss_of_shares / 2 : loss_of_shares);
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
      {"d2_log_loss",
       {"d2_log_loss_score"},
       "Share of the log loss that is explained; 1 is perfect, 0 is the shares of the classes.",
       all,
       true,
       true,
       d2_log_loss},
      {"d2_brier",
       {"d2_brier_score", "brier_skill_score"},
       "Share of the Brier score that is explained; 1 is perfect, 0 is the shares of the classes.",
       all,
       true,
       true,
       d2_brier},
  };
}

}  // namespace kolosal::metric
