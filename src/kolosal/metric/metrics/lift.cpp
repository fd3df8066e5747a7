#include <algorithm>
#include <limits>

#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/parameter_internal.hpp"
#include "kolosal/metric/ranking_internal.hpp"

namespace kolosal::metric {
namespace {

/// The highest scores are taken until they have the given share of the weight. Of rows with one score that
/// are only taken in part, the expectation over their orders counts. NaN without rows of class 1.
template <typename Item>
double lift_of_top(const BinaryScores<Item>& scores, double share) {
  const auto positive = static_cast<double>(sum_of_weights(scores.positive));
  const double total = positive + static_cast<double>(sum_of_weights(scores.negative));
  if (!(positive > 0)) return std::numeric_limits<double>::quiet_NaN();
  const double wanted = share * total;
  double seen = 0, hit = 0;
  scores.for_each_score([&](auto p, auto n) {
    const auto size = static_cast<double>(p + n);
    const double taken = std::clamp(wanted - seen, 0.0, size);
    if (size > 0) hit += static_cast<double>(p) * (taken / size);
    seen += size;
  });
  return (hit / wanted) / (positive / total);
}

Metric lift(double share) {
  Metric out{"lift",
             {},
             fmt::format("How many times as often class 1 is found in the {:g}% of rows with the highest "
                         "scores as in all.",
                         100 * share),
             {data::Task::kBinary},
             true,
             true,
             [share](const data::TargetView& y, std::span<const double> p) {
               return score_one_against_rest(
                   y, p, 1, 0, [share](const auto& scores) { return lift_of_top(scores, share); });
             }};
  out.parameter = "share of the rows, above 0 to 1 (0.1)";
  out.with = [](std::string_view text) {
    return lift(number_parameter<double>("lift", text, "a number above 0 and at most 1",
                                         [](double value) { return value > 0 && value <= 1; }));
  };
  return out;
}

}  // namespace

std::vector<Metric> lift_metrics() { return {lift(0.1)}; }

}  // namespace kolosal::metric
