#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/metric/median_internal.hpp"
#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/require_targets_internal.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {
namespace {

using data::TargetView;
using Prediction = std::span<const double>;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double mse(const TargetView& y, Prediction p) {
  return weighted_mean(y, [&](std::size_t i) { return (p[i] - y.values[i]) * (p[i] - y.values[i]); });
}

double mae(const TargetView& y, Prediction p) {
  return weighted_mean(y, [&](std::size_t i) { return std::abs(p[i] - y.values[i]); });
}

double mape(const TargetView& y, Prediction p) {
  return weighted_mean(y, [&](std::size_t i) {
    return std::abs(p[i] - y.values[i]) / std::max(std::abs(y.values[i]), kEpsilon);
  });
}

double smape(const TargetView& y, Prediction p) {
  return weighted_mean(y, [&](std::size_t i) {
    const double size = std::abs(p[i]) + std::abs(y.values[i]);
    return size > 0 ? 2 * std::abs(p[i] - y.values[i]) / size : 0.0;
  });
}

double msle(const TargetView& y, Prediction p) {
  require_targets(y, "rmsle", -1, false);
  // A prediction of -1 or less has no logarithm: infinitely bad, and not the end of the run.
  if (std::ranges::any_of(p, [](double value) { return value <= -1; })) return kInfinity;
  return weighted_mean(y, [&](std::size_t i) {
    const double error = std::log1p(p[i]) - std::log1p(y.values[i]);
    return error * error;
  });
}

double max_error(const TargetView& y, Prediction p) {
  double worst = 0;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (y.weight(i) > 0) worst = std::max(worst, std::abs(p[i] - y.values[i]));
  return worst;
}

double median_absolute_error(const TargetView& y, Prediction p) {
  std::vector<double> errors(p.size());
  for (std::size_t i = 0; i < p.size(); ++i) errors[i] = std::abs(p[i] - y.values[i]);
  return y.weights.empty() ? median(errors) : weighted_median(errors, y.weights);
}

/// 1 - residual / total; a constant target gives 1 for a perfect prediction and 0 for any other, as in
/// scikit-learn.
double explained_share(double residual, double total) {
  if (residual == 0) return 1;
  return total == 0 ? 0 : 1 - residual / total;
}

double r2(const TargetView& y, Prediction p) {
  if (y.values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const double mean = weighted_mean(y, [&](std::size_t i) { return y.values[i]; });
  const double total =
      weighted_mean(y, [&](std::size_t i) { return (y.values[i] - mean) * (y.values[i] - mean); });
  return explained_share(mse(y, p), total);
}

double explained_variance(const TargetView& y, Prediction p) {
  const double mean = weighted_mean(y, [&](std::size_t i) { return y.values[i]; });
  const double bias = weighted_mean(y, [&](std::size_t i) { return y.values[i] - p[i]; });
  const double total =
      weighted_mean(y, [&](std::size_t i) { return (y.values[i] - mean) * (y.values[i] - mean); });
  const double residual = weighted_mean(y, [&](std::size_t i) {
    const double error = y.values[i] - p[i] - bias;
    return error * error;
  });
  return explained_share(residual, total);
}

double d2_absolute_error(const TargetView& y, Prediction p) {
  if (y.values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values(y.values.begin(), y.values.end());
  const double centre = y.weights.empty() ? median(values) : weighted_median(values, y.weights);
  const double total = weighted_mean(y, [&](std::size_t i) { return std::abs(y.values[i] - centre); });
  return explained_share(mae(y, p), total);
}

Metric error_metric(std::string name, std::vector<std::string> aliases, std::string summary,
                    double (*compute)(const TargetView&, Prediction)) {
  return {std::move(name), std::move(aliases), std::move(summary), {data::Task::kRegression}, false, false,
          compute};
}

Metric score_metric(std::string name, std::vector<std::string> aliases, std::string summary,
                    double (*compute)(const TargetView&, Prediction)) {
  return {std::move(name), std::move(aliases), std::move(summary), {data::Task::kRegression}, true, false,
          compute};
}

}  // namespace

std::vector<Metric> regression_metrics() {
  return {
      error_metric("rmse", {"root_mean_squared_error", "neg_root_mean_squared_error"},
                   "Root of the mean squared error.",
                   [](const TargetView& y, Prediction p) { return std::sqrt(mse(y, p)); }),
      error_metric("mse", {"mean_squared_error", "neg_mean_squared_error"}, "Mean squared error.", mse),
      error_metric("mae", {"mean_absolute_error", "neg_mean_absolute_error"}, "Mean absolute error.", mae),
      error_metric("median_absolute_error", {"medae", "neg_median_absolute_error"},
                   "Median of the absolute errors.", median_absolute_error),
      error_metric("mape", {"mean_absolute_percentage_error", "neg_mean_absolute_percentage_error"},
                   "Mean of the absolute errors relative to the target, as a fraction.", mape),
      error_metric(
          "smape", {"symmetric_mean_absolute_percentage_error"},
          "Mean of the absolute errors relative to the mean of the sizes of target and prediction, as a "
          "fraction from 0 to 2.",
          smape),
      error_metric("msle", {"mean_squared_log_error", "neg_mean_squared_log_error"},
                   "Mean squared error of log(1 + value).", msle),
      error_metric("rmsle", {"root_mean_squared_log_error", "neg_root_mean_squared_log_error"},
                   "Root of the mean squared error of log(1 + value).",
                   [](const TargetView& y, Prediction p) { return std::sqrt(msle(y, p)); }),
      error_metric("max_error", {"neg_max_error"}, "The largest absolute error.", max_error),
      score_metric("r2", {"r2_score"},
                   "Share of the variance that is explained; 1 is perfect, 0 is the mean.", r2),
      score_metric("explained_variance", {"explained_variance_score"},
                   "Like r2, but a constant offset of the predictions does not count.", explained_variance),
      score_metric("d2_absolute_error", {"d2_absolute_error_score"},
                   "Share of the absolute error that is explained; 1 is perfect, 0 is the median.",
                   d2_absolute_error),
  };
}

}  // namespace kolosal::metric
