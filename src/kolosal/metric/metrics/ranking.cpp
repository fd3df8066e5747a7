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

double auc_of_class(const TargetView& y, Prediction prediction, std::size_t positive, std::size_t column) {
  return score_one_against_rest(y, prediction, positive, column, [](const auto& scores) {
    return area_under_roc(scores.positive, scores.negative);
  });
}

/// Sum over the scores, from the top, of precision times the gain in recall; 0 without positive rows.
template <typename Item>
double mean_precision(const BinaryScores<Item>& scores) {
  using Weight = typename BinaryScores<Item>::Weight;
  const auto positive = static_cast<double>(sum_of_weights(scores.positive));
  if (!(positive > 0)) return 0;
  Weight hit = 0, seen = 0;
  double sum = 0;
  scores.for_each_score([&](Weight p, Weight n) {
    hit += p;
    seen += p + n;
    if (p > 0) sum += static_cast<double>(p) * (static_cast<double>(hit) / static_cast<double>(seen));
  });
  return sum / positive;
}

double precision_of_class(const TargetView& y, Prediction prediction, std::size_t positive,
                          std::size_t column) {
  return score_one_against_rest(y, prediction, positive, column,
                                [](const auto& scores) { return mean_precision(scores); });
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

/// The scores in `column`, the rows of each class sorted for themselves.
template <typename Item>
std::vector<std::vector<Item>> scores_by_class(const TargetView& y, Prediction p, std::size_t column) {
  std::vector<std::vector<Item>> out(y.n_classes);
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const std::uint64_t key = sort_key(p[i * y.n_classes + column]);
    auto& scores = out[static_cast<std::size_t>(y.values[i])];
    if constexpr (std::is_same_v<Item, WeightedScore>)
      scores.push_back({key, y.weights[i]});
    else
      scores.push_back(key);
  }
  for (auto& scores : out) sort_scores(scores);
  return out;
}

/// Mean over all pairs of classes that have rows (Hand and Till, 2001), each pair once or by the weight of
/// its rows. Each column is sorted once, by class, and the pairs merge sorted lists.
template <typename Item>
double mean_over_pairs(const TargetView& y, Prediction p, bool by_weight) {
  const std::size_t n = y.n_classes;
  std::vector<double> area(n * n);  // of the rows of class a against those of b, by the score of a
  std::vector<double> class_weight(n);
  for (std::size_t a = 0; a < n; ++a) {
    const auto scores = scores_by_class<Item>(y, p, a);
    class_weight[a] = static_cast<double>(sum_of_weights(scores[a]));
    for (std::size_t b = 0; b < n; ++b)
      if (a != b) area[a * n + b] = area_under_roc(scores[a], scores[b]);
  }
  double sum = 0, total = 0;
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = a + 1; b < n; ++b) {
      const double value = (area[a * n + b] + area[b * n + a]) / 2;
      if (std::isnan(value)) continue;
      const double weight = by_weight ? class_weight[a] + class_weight[b] : 1;
      sum += weight * value;
      total += weight;
    }
  return total > 0 ? sum / total : kNaN;
}

double roc_auc_ovo(const TargetView& y, Prediction p, bool by_weight) {
  return y.weights.empty() ? mean_over_pairs<std::uint64_t>(y, p, by_weight)
                           : mean_over_pairs<WeightedScore>(y, p, by_weight);
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
       {"auc", "roc_auc_score", "roc_auc_ovr", "roc_auc_ovo", "roc_auc_ovr_weighted", "roc_auc_ovo_weighted"},
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
