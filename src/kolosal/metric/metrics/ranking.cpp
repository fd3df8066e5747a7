#include <cmath>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/ranking_internal.hpp"

namespace kolosal::metric {
namespace {

using data::TargetView;
using data::Task;
using Prediction = std::span<const double>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Sorts nothing yet: the rows of `positive` against all others, by the score in `column`.
template <typename Item>
SortedScores<Item> one_against_rest(const TargetView& y, Prediction prediction, std::size_t positive,
                                    std::size_t column) {
  const std::size_t stride = y.n_outputs();
  std::size_t n_positive = 0;
  for (const double value : y.values) n_positive += static_cast<std::size_t>(value) == positive ? 1 : 0;
  SortedScores<Item> scores;
  scores.positive.reserve(n_positive);
  scores.negative.reserve(y.values.size() - n_positive);
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    auto& side = static_cast<std::size_t>(y.values[i]) == positive ? scores.positive : scores.negative;
    const std::uint64_t key = sort_key(prediction[i * stride + column]);
    if constexpr (std::is_same_v<Item, WeightedScore>)
      side.push_back({key, y.weights[i]});
    else
      side.push_back(key);
  }
  return scores;
}

double auc_of_class(const TargetView& y, Prediction prediction, std::size_t positive, std::size_t column) {
  if (y.weights.empty()) {
    auto scores = one_against_rest<std::uint64_t>(y, prediction, positive, column);
    return area_under_roc(scores);
  }
  auto scores = one_against_rest<WeightedScore>(y, prediction, positive, column);
  return area_under_roc(scores);
}

double precision_of_class(const TargetView& y, Prediction prediction, std::size_t positive,
                          std::size_t column) {
  if (y.weights.empty()) {
    auto scores = one_against_rest<std::uint64_t>(y, prediction, positive, column);
    return mean_precision(scores);
  }
  auto scores = one_against_rest<WeightedScore>(y, prediction, positive, column);
  return mean_precision(scores);
}

/// Weight of the rows of each class.
std::vector<double> class_weights(const TargetView& y) {
  std::vector<double> out(y.n_classes);
  for (std::size_t i = 0; i < y.values.size(); ++i) out[static_cast<std::size_t>(y.values[i])] += y.weight(i);
  return out;
}

double roc_auc(const TargetView& y, Prediction p) { return auc_of_class(y, p, 1, 0); }

/// Mean over the classes that have rows of score(class), each class once or by the weight of its rows. NaN
/// when there is none.
template <typename Score>
double mean_over_classes(const TargetView& y, bool by_weight, Score score) {
  const std::vector<double> weights = class_weights(y);
  double sum = 0, total = 0;
  for (std::size_t c = 0; c < y.n_classes; ++c) {
    if (!(weights[c] > 0)) continue;
    const double value = score(c);
    if (std::isnan(value)) continue;
    const double weight = by_weight ? weights[c] : 1;
    sum += weight * value;
    total += weight;
  }
  return total > 0 ? sum / total : kNaN;
}

double roc_auc_ovr(const TargetView& y, Prediction p, bool by_weight) {
  return mean_over_classes(y, by_weight, [&](std::size_t c) { return auc_of_class(y, p, c, c); });
}

double average_precision(const TargetView& y, Prediction p) {
  if (y.task == Task::kBinary) return precision_of_class(y, p, 1, 0);
  return mean_over_classes(y, false, [&](std::size_t c) { return precision_of_class(y, p, c, c); });
}

/// The area for the rows of class a against those of class b, by the score of a.
double auc_of_pair(const TargetView& y, Prediction p, const std::vector<std::vector<std::size_t>>& rows,
                   std::size_t a, std::size_t b) {
  SortedScores<WeightedScore> scores;
  for (const std::size_t i : rows[a])
    scores.positive.push_back({sort_key(p[i * y.n_classes + a]), y.weight(i)});
  for (const std::size_t i : rows[b])
    scores.negative.push_back({sort_key(p[i * y.n_classes + a]), y.weight(i)});
  return area_under_roc(scores);
}

/// Mean over all pairs of classes that have rows (Hand and Till, 2001), each pair once or by the number of
/// its rows.
double roc_auc_ovo(const TargetView& y, Prediction p, bool by_rows) {
  std::vector<std::vector<std::size_t>> rows(y.n_classes);
  for (std::size_t i = 0; i < y.values.size(); ++i) rows[static_cast<std::size_t>(y.values[i])].push_back(i);
  double sum = 0, total = 0;
  for (std::size_t a = 0; a < y.n_classes; ++a)
    for (std::size_t b = a + 1; b < y.n_classes; ++b) {
      const double value = (auc_of_pair(y, p, rows, a, b) + auc_of_pair(y, p, rows, b, a)) / 2;
      if (std::isnan(value)) continue;
      const double weight = by_rows ? static_cast<double>(rows[a].size() + rows[b].size()) : 1;
      sum += weight * value;
      total += weight;
    }
  return total > 0 ? sum / total : kNaN;
}

Metric multiclass_auc(std::string name, std::string summary,
                      double (*compute)(const TargetView&, Prediction, bool), bool weighted) {
  return {std::move(name),
          {},
          std::move(summary),
          {Task::kMulticlass},
          true,
          true,
          [compute, weighted](const TargetView& y, Prediction p) { return compute(y, p, weighted); }};
}

}  // namespace

std::vector<Metric> ranking_metrics() {
  return {
      {"roc_auc",
       {"auc", "roc_auc_score"},
       "Area under the ROC curve: the chance that a row of class 1 scores above one of class 0.",
       {Task::kBinary},
       true,
       true,
       roc_auc},
      multiclass_auc("roc_auc_ovr",
                     "Mean over the classes of the area under the ROC curve against all others.", roc_auc_ovr,
                     false),
      multiclass_auc("roc_auc_ovr_weighted", "Like roc_auc_ovr, each class weighted by its rows.",
                     roc_auc_ovr, true),
      multiclass_auc("roc_auc_ovo", "Mean over the pairs of classes of the area under the ROC curve.",
                     roc_auc_ovo, false),
      multiclass_auc("roc_auc_ovo_weighted", "Like roc_auc_ovo, each pair weighted by its rows.", roc_auc_ovo,
                     true),
      {"average_precision",
       {"ap", "pr_auc", "average_precision_score"},
       "Precision averaged over the recall; for several classes the mean over them.",
       {Task::kBinary, Task::kMulticlass},
       true,
       true,
       average_precision},
  };
}

}  // namespace kolosal::metric
