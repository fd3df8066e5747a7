#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/parameter_internal.hpp"
#include "kolosal/metric/pinball_internal.hpp"

namespace kolosal::metric {
namespace {

double pinball_loss(const data::TargetView& y, std::span<const double> p, double quantile) {
  // Of a model of several quantiles: the mean over them, whatever the parameter.
  if (y.n_outputs() > 1) return mean_pinball(y, p);
  return weighted_mean(y, [&](std::size_t i) { return pinball(y.values[i] - p[i], quantile); });
}

Metric pinball_metric(double quantile) {
  Metric out{"pinball",
             {"mean_pinball_loss", "neg_mean_pinball_loss", "quantile_loss"},
             fmt::format("Mean pinball loss of the quantile {}, or of all that a model predicts.", quantile),
             {data::Task::kRegression},
             false,
             false,
             [quantile](const data::TargetView& y, std::span<const double> p) {
               return pinball_loss(y, p, quantile);
             }};
  out.parameter = "quantile, from 0 to 1 (0.5)";
  out.with = [](std::string_view text) {
    return pinball_metric(number_parameter<double>("pinball", text, "a number from 0 to 1",
                                                   [](double value) { return value >= 0 && value <= 1; }));
  };
  return out;
}

}  // namespace

std::vector<Metric> quantile_metrics() { return {pinball_metric(0.5)}; }

}  // namespace kolosal::metric
