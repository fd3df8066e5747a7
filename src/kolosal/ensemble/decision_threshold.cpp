#include "kolosal/ensemble/decision_threshold.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "kolosal/core/error.hpp"
#include "kolosal/metric/cost.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;

constexpr std::size_t kFolds = 5;
constexpr std::string_view kExpectedCost = "expected_cost:";

/// Rows by falling prediction.
using Order = std::vector<std::uint32_t>;

/// The metric of labels needs no more than how many rows of each class get each label.
class Counts {
 public:
  explicit Counts(const metric::Metric& metric) : metric_(metric) {}
  void add(double actual, double decided, double weight) {
    weights_[2 * static_cast<std::size_t>(actual) + static_cast<std::size_t>(decided)] += weight;
  }
  double utility() const {
    static constexpr std::array<double, 4> kActual = {0, 0, 1, 1}, kDecided = {0, 1, 0, 1};
    const double out = metric_.utility(metric_.compute({Task::kBinary, kActual, weights_, 2}, kDecided));
    return std::isnan(out) ? -std::numeric_limits<double>::infinity() : out;
  }

 private:
  const metric::Metric& metric_;
  std::array<double, 4> weights_{};
};

double best_threshold(const TargetView& y, std::span<const double> prediction, const Order& order,
                      const metric::Metric& metric) {
  Counts counts(metric);
  for (const std::uint32_t i : order) counts.add(y.values[i], 0, y.weight(i));
  double best = 0.5, best_utility = -std::numeric_limits<double>::infinity();
  for (std::size_t at = 0; at <= order.size();) {
    // All rows before `at` are class 1.
    const double above = at == 0 ? 1 : prediction[order[at - 1]];
    const double below = at == order.size() ? 0 : prediction[order[at]];
    const double threshold = below <= 0.5 && 0.5 < above ? 0.5 : (above + below) / 2;
    const double utility = counts.utility();
    if (threshold > 0 && threshold < 1 &&
        (utility > best_utility ||
         (utility == best_utility && std::fabs(threshold - 0.5) < std::fabs(best - 0.5)))) {
      best = threshold;
      best_utility = utility;
    }
    if (at == order.size()) break;
    for (; at < order.size() && prediction[order[at]] == below; ++at) {
      const std::uint32_t i = order[at];
      counts.add(y.values[i], 0, -y.weight(i));
      counts.add(y.values[i], 1, y.weight(i));
    }
  }
  return best;
}

double utility_of(const TargetView& y, std::span<const double> decisions, const metric::Metric& metric) {
  return metric.utility(metric.compute(y, decisions));
}

std::vector<double> decided(std::span<const double> prediction, double threshold) {
  std::vector<double> out(prediction.size());
  std::ranges::transform(prediction, out.begin(), [&](double p) { return p > threshold ? 1.0 : 0.0; });
  return out;
}

/// Where both decisions cost the same; 0.5 when one of them is never dearer.
double equal_cost_threshold(const metric::CostMatrix& costs) {
  const double false_alarm = costs.at(0, 1) - costs.at(0, 0), miss = costs.at(1, 0) - costs.at(1, 1);
  return false_alarm > 0 && miss > 0 ? false_alarm / (false_alarm + miss) : 0.5;
}

}  // namespace

bool depends_on_threshold(const metric::Metric& metric, Task task) {
  constexpr std::string_view kOneSided[] = {"precision", "recall", "positive_likelihood_ratio",
                                            "negative_likelihood_ratio"};
  if (task != Task::kBinary) return false;
  if (metric.name.starts_with(kExpectedCost)) return true;
  return !metric.needs_probability && std::ranges::find(kOneSided, metric.name) == std::end(kOneSided);
}

DecisionThreshold choose_threshold(const TargetView& y, std::span<const double> prediction,
                                   const metric::Metric& metric) {
  KOLOSAL_ASSERT(y.task == Task::kBinary && prediction.size() == y.values.size(),
                 "two classes, one prediction per row");
  DecisionThreshold out;
  if (metric.name.starts_with(kExpectedCost)) {
    out.value = equal_cost_threshold(metric::CostMatrix::parse(metric.name.substr(kExpectedCost.size())));
    return out;  // the metric decides by itself
  }
  Order order;
  for (std::size_t i = 0; i < prediction.size(); ++i)
    if (y.weight(i) > 0 && std::isfinite(prediction[i])) order.push_back(static_cast<std::uint32_t>(i));
  // Folds by turns within each class, before rows are sorted.
  std::vector<std::uint8_t> fold(prediction.size());
  std::array<std::size_t, 2> n_dealt{};
  for (const std::uint32_t i : order)
    fold[i] = static_cast<std::uint8_t>(n_dealt[y.values[i] > 0.5 ? 1 : 0]++ % kFolds);
  if (std::min(n_dealt[0], n_dealt[1]) < kFolds) return out;
  std::ranges::stable_sort(order, std::greater(), [&](std::uint32_t i) { return prediction[i]; });

  std::vector<double> decisions = decided(prediction, 0.5);
  const double usual = utility_of(y, decisions, metric);
  for (std::size_t k = 0; k < kFolds; ++k) {
    Order others;
    std::ranges::copy_if(order, std::back_inserter(others), [&](std::uint32_t i) { return fold[i] != k; });
    const double threshold = best_threshold(y, prediction, others, metric);
    for (const std::uint32_t i : order)
      if (fold[i] == k) decisions[i] = prediction[i] > threshold ? 1 : 0;
  }
  if (!(utility_of(y, decisions, metric) > usual)) return out;
  out.value = best_threshold(y, prediction, order, metric);
  if (out.value != 0.5) out.decisions = std::move(decisions);
  return out;
}

}  // namespace kolosal::ensemble
