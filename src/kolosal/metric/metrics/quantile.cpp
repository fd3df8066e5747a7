#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/parameter_internal.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {
namespace {

/// The loss that the quantile minimizes (Koenker and Bassett, 1978): a target above the prediction costs
/// quantile per unit, one below 1 - quantile.
double pinball_loss(const data::TargetView& y, std::span<const double> p, double quantile) {
  return weighted_mean(y, [&](std::size_t i) {
    const double error = y.values[i] - p[i];
    return error >= 0 ? quantile * error : (quantile - 1) * error;
  });
}

Metric pinball(double quantile) {
  Metric out{"pinball",
             {"mean_pinball_loss", "neg_mean_pinball_loss", "quantile_loss"},
             fmt::format("Mean pinball loss of the quantile {}.", quantile),
             {data::Task::kRegression},
             false,
             false,
             [quantile](const data::TargetView& y, std::span<const double> p) {
               return pinball_loss(y, p, quantile);
             }};
  out.parameter = "quantile, from 0 to 1 (0.5)";
  out.with = [](std::string_view text) {
    return pinball(number_parameter<double>("pinball", text, "a number from 0 to 1",
                                            [](double value) { return value >= 0 && value <= 1; }));
  };
  return out;
}

}  // namespace

std::vector<Metric> quantile_metrics() { return {pinball(0.5)}; }

}  // namespace kolosal::metric
