#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/parameter_internal.hpp"
#include "kolosal/metric/require_targets_internal.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {
namespace {

using data::TargetView;
using Prediction = std::span<const double>;

bool all_positive(Prediction p) {
  return std::ranges::all_of(p, [](double value) { return value > 0; });
}

// A prediction of 0 or less has no deviance: infinitely bad, and not the end of the run.
constexpr double kNoDeviance = std::numeric_limits<double>::infinity();

double poisson_deviance(const TargetView& y, Prediction p, std::string_view name) {
  require_targets(y, name, 0, true);
  if (!all_positive(p)) return kNoDeviance;
  return weighted_mean(y, [&](std::size_t i) {
    const double v = y.values[i];
    return 2 * ((v > 0 ? v * std::log(v / p[i]) : 0.0) - v + p[i]);
  });
}

double gamma_deviance(const TargetView& y, Prediction p, std::string_view name) {
  require_targets(y, name, 0, false);
  if (!all_positive(p)) return kNoDeviance;
  return weighted_mean(
      y, [&](std::size_t i) { return 2 * (std::log(p[i] / y.values[i]) + y.values[i] / p[i] - 1); });
}

double squared_deviance(const TargetView& y, Prediction p) {
  return weighted_mean(y, [&](std::size_t i) { return (y.values[i] - p[i]) * (y.values[i] - p[i]); });
}

/// Unit deviance of the Tweedie distributions whose variance is the mean to the given power (Jorgensen,
/// 1987), for powers where it is none of the three above. Below 0 targets may be negative; their first term
/// is 0.
double power_deviance(const TargetView& y, Prediction p, std::string_view name, double power) {
  if (power > 0) require_targets(y, name, 0, power < 2);
  if (!all_positive(p)) return kNoDeviance;
  return weighted_mean(y, [&](std::size_t i) {
    const double v = y.values[i];
    const double predicted = std::pow(p[i], 1 - power);
    return 2 * (std::pow(std::max(v, 0.0), 2 - power) / ((1 - power) * (2 - power)) -
                v * predicted / (1 - power) + predicted * p[i] / (2 - power));
  });
}

double tweedie_deviance(const TargetView& y, Prediction p, double power) {
  constexpr std::string_view kName = "mean_tweedie_deviance";
  if (power == 0) return squared_deviance(y, p);
  if (power == 1) return poisson_deviance(y, p, kName);
  if (power == 2) return gamma_deviance(y, p, kName);
  return power_deviance(y, p, kName, power);
}

Metric tweedie(double power) {
  Metric out{"mean_tweedie_deviance",
             {"tweedie"},
             fmt::format("Mean Tweedie deviance of power {}, for amounts with many zeros.", power),
             {data::Task::kRegression},
             false,
             false,
             [power](const TargetView& y, Prediction p) { return tweedie_deviance(y, p, power); }};
  out.parameter = "power of the variance, at most 0 or at least 1 (1.5)";
  out.with = [](std::string_view text) {
    return tweedie(number_parameter<double>(
        "mean_tweedie_deviance", text, "a number of at most 0 or at least 1",
        [](double value) { return std::isfinite(value) && (value <= 0 || value >= 1); }));
  };
  return out;
}

}  // namespace

std::vector<Metric> deviance_metrics() {
  return {
      {"mean_poisson_deviance",
       {"neg_mean_poisson_deviance", "poisson"},
       "Mean Poisson deviance, for counts.",
       {data::Task::kRegression},
       false,
       false,
       [](const TargetView& y, Prediction p) { return poisson_deviance(y, p, "mean_poisson_deviance"); }},
      {"mean_gamma_deviance",
       {"neg_mean_gamma_deviance", "gamma"},
       "Mean gamma deviance, for positive targets.",
       {data::Task::kRegression},
       false,
       false,
       [](const TargetView& y, Prediction p) { return gamma_deviance(y, p, "mean_gamma_deviance"); }},
      tweedie(1.5),
  };
}

}  // namespace kolosal::metric
