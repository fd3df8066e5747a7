#include "kolosal/metric/cost.hpp"

#include <optional>

#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {
namespace {

using data::TargetView;
using Prediction = std::span<const double>;
using Costs = std::optional<CostMatrix>;  // without: 1 for every wrong class

double cost_of_cheapest(const TargetView& y, Prediction p, const CostMatrix& costs) {
  require_classes(costs, y.n_classes);
  const std::size_t n = y.n_outputs();
  return weighted_mean(y, [&](std::size_t i) {
    return costs.at(static_cast<std::size_t>(y.values[i]), costs.cheapest_class(p.subspan(i * n, n)));
  });
}

double cost_of_labels(const TargetView& y, Prediction p, const CostMatrix& costs) {
  require_classes(costs, y.n_classes);
  const std::vector<double> counts = confusion_matrix(y, p);
  double sum = 0;
  for (std::size_t c = 0; c < y.n_classes; ++c)
    for (std::size_t d = 0; d < y.n_classes; ++d) sum += counts[c * y.n_classes + d] * costs.at(c, d);
  return sum / total_weight(y);
}

using MeanCost = double (*)(const TargetView&, Prediction, const CostMatrix&);

Metric cost_metric(std::string name, std::vector<std::string> aliases, std::string summary,
                   bool of_probability, MeanCost mean_cost, const Costs& costs) {
  Metric out{name,
             aliases,
             summary,
             {data::Task::kBinary, data::Task::kMulticlass},
             false,
             of_probability,
             [mean_cost, costs](const TargetView& y, Prediction p) {
               return mean_cost(y, p, costs ? *costs : CostMatrix::equal(y.n_classes));
             }};
  out.parameter =
      "cost matrix, a row per true class with the cost of each decision, like \"0 1; 5 0\" (1 for every "
      "error)";
  out.with = [=](std::string_view text) {
    return cost_metric(name, aliases, summary, of_probability, mean_cost, CostMatrix::parse(text));
  };
  return out;
}

}  // namespace

std::vector<Metric> cost_metrics() {
  return {
      cost_metric("expected_cost", {"cost"},
                  "Mean cost when each row gets the class with the least expected cost.", true,
                  cost_of_cheapest, {}),
      cost_metric("label_cost", {}, "Mean cost when each row gets its most probable class.", false,
                  cost_of_labels, {}),
  };
}

}  // namespace kolosal::metric
