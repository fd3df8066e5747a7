#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/metric/metric.hpp"
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

void require_targets(const TargetView& y, const char* metric, const char* demand, double limit,
                     bool inclusive) {
  for (const double value : y.values)
    if (inclusive ? value < limit : value <= limit)
      throw Error(ErrorCode::kData,
                  "{} needs targets {} {}, but there is {}; use another metric, for example mae", metric,
                  demand, limit, value);
}

double msle(const TargetView& y, Prediction p) {
  require_targets(y, "rmsle", "above", -1, false);
  // A prediction of -1 or less has no logarithm: infinitely bad, and not the end of the run.
  if (std::ranges::any_of(p, [](double value) { return value <= -1; })) return kInfinity;
  return weighted_mean(y, [&](std::size_t i) {
    const double error = std::log1p(p[i]) - std::log1p(y.values[i]);
    return error * error;
  });
}

double poisson_deviance(const TargetView& y, Prediction p) {
  require_targets(y, "mean_poisson_deviance", "of at least", 0, true);
  if (std::ranges::any_of(p, [](double value) { return value <= 0; })) return kInfinity;
  return weighted_mean(y, [&](std::size_t i) {
    const double v = y.values[i];
    return 2 * ((v > 0 ? v * std::log(v / p[i]) : 0.0) - v + p[i]);
  });
}

double gamma_deviance(const TargetView& y, Prediction p) {
  require_targets(y, "mean_gamma_deviance", "above", 0, false);
  if (std::ranges::any_of(p, [](double value) { return value <= 0; })) return kInfinity;
  return weighted_mean(
      y, [&](std::size_t i) { return 2 * (std::log(p[i] / y.values[i]) + y.values[i] / p[i] - 1); });
}

double max_error(const TargetView& y, Prediction p) {
  double worst = 0;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (y.weight(i) > 0) worst = std::max(worst, std::abs(p[i] - y.values[i]));
  return worst;
}

/// The mean of the two middle values when the weights below and above are equal (Hyndman and Fan, definition
/// 2).
double weighted_median(std::span<const double> values, std::span<const double> weights) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::erase_if(order, [&](std::size_t i) { return weights[i] == 0; });
  double total = 0;
  for (const std::size_t i : order) total += weights[i];
  double cumulated = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    cumulated += weights[order[k]];
    if (cumulated < total / 2) continue;
    const std::size_t next = std::min(k + 1, order.size() - 1);
    const bool in_the_middle = cumulated - total / 2 <= kEpsilon;
    return in_the_middle ? (values[order[k]] + values[order[next]]) / 2 : values[order[k]];
  }
  return values[order.back()];  // rounding kept the sum below the half
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
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
      error_metric("msle", {"mean_squared_log_error", "neg_mean_squared_log_error"},
                   "Mean squared error of log(1 + value).", msle),
      error_metric("rmsle", {"root_mean_squared_log_error", "neg_root_mean_squared_log_error"},
                   "Root of the mean squared error of log(1 + value).",
                   [](const TargetView& y, Prediction p) { return std::sqrt(msle(y, p)); }),
      error_metric("max_error", {"neg_max_error"}, "The largest absolute error.", max_error),
      error_metric("mean_poisson_deviance", {"neg_mean_poisson_deviance", "poisson"},
                   "Mean Poisson deviance, for counts.", poisson_deviance),
      error_metric("mean_gamma_deviance", {"neg_mean_gamma_deviance", "gamma"},
                   "Mean gamma deviance, for positive targets.", gamma_deviance),
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
