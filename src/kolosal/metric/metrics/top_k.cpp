#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/parameter_internal.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {
namespace {

/// Of equal probabilities that of the later class is the higher one, as in scikit-learn.
double top_k_share(const data::TargetView& y, std::span<const double> p, std::size_t k) {
  const std::size_t n = y.n_classes;
  return weighted_mean(y, [&](std::size_t i) {
    const auto row = p.subspan(i * n, n);
    const auto actual = static_cast<std::size_t>(y.values[i]);
    std::size_t above = 0;
    for (std::size_t c = 0; c < n; ++c)
      above += row[c] > row[actual] || (row[c] == row[actual] && c > actual) ? 1 : 0;
    return above < k ? 1.0 : 0.0;
  });
}

Metric top_k_accuracy(std::size_t k) {
  Metric out{"top_k_accuracy",
             {"top_k", "top_k_accuracy_score"},
             fmt::format("Share of rows whose class is among the {} most probable.", k),
             {data::Task::kMulticlass},
             true,
             true,
             [k](const data::TargetView& y, std::span<const double> p) { return top_k_share(y, p, k); }};
  out.parameter = "number of classes, at least 1 (2)";
  out.with = [](std::string_view text) { return top_k_accuracy(count_parameter("top_k_accuracy", text)); };
  return out;
}

}  // namespace

std::vector<Metric> top_k_metrics() { return {top_k_accuracy(2)}; }

}  // namespace kolosal::metric
