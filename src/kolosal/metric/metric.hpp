#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/data/target.hpp"

namespace kolosal::metric {

/// A score of predictions.
///
/// Shapes: y has n values; prediction is n x y.n_outputs(), row by row, as Estimator::predict() writes it.
/// Metrics on labels
///         take the most probable class (binary: probability > 0.5, so a tie is class 0, as argmax does).
/// Weights: y.weights where the metric has a weighted form (all do).
struct Metric {
  std::string name;  ///< scikit-learn's scorer name without "neg_": "roc_auc", "log_loss", "rmse"
  std::vector<std::string> aliases;  ///< "auc", "neg_log_loss", "neg_root_mean_squared_error", ...
  std::string summary;               ///< One sentence.
  std::vector<data::Task> tasks;
  bool higher_is_better = true;
  bool needs_probability = false;
  std::function<double(const data::TargetView& y, std::span<const double> prediction)> compute;
  /// What may be written after a colon, "pinball:0.9", and what it is without; "" for a metric without
  /// parameter.
  std::string parameter = {};
  /// This metric with another value of its parameter. @throws Error kInvalidParameter
  std::function<Metric(std::string_view value)> with = {};

  /// Larger is better for every metric.
  double utility(double score) const { return higher_is_better ? score : -score; }
};

/// All metrics. The folder metrics/ is the list.
const std::vector<Metric>& metrics();
/// By name or alias, with the parameter of a metric that has one after a colon: "pinball:0.9". The result
/// lives as long as the program.
/// @throws Error kInvalidParameter: unknown (nearest name), or not for this task (those that are), or a
/// parameter that the metric does not have or allow.
/// Threads: safe from many.
const Metric& metric_for(std::string_view name, data::Task task);
/// The metric that a run optimizes when none is asked: roc_auc, log_loss, rmse.
const Metric& default_metric(data::Task task);
std::vector<const Metric*> metrics_for(data::Task task);

/// The loss that ensembles and early stopping use inside, whatever the asked metric: log loss, or mean
/// squared error. Weighted mean over rows; probabilities are clipped to [1e-15, 1 - 1e-15].
double training_loss(const data::TargetView& y, std::span<const double> prediction);

/// n_classes x n_classes weighted counts, true class by row.
std::vector<double> confusion_matrix(const data::TargetView& y, std::span<const double> prediction);

}  // namespace kolosal::metric
