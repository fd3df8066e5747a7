#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kolosal::data {

enum class Task { kBinary, kMulticlass, kRegression };

/// "binary", "multiclass", "regression".
std::string_view task_name(Task task);
/// @throws Error kInvalidParameter naming the tasks that exist.
Task task_from_name(std::string_view name);

/// What is to be predicted, as learners and metrics see it.
///
/// Units: values[i] is the number (regression) or the class index 0 .. n_classes - 1 (binary: 1 is the
/// positive class).
struct TargetView {
  Task task = Task::kRegression;
  std::span<const double> values;
  std::span<const double> weights;  ///< Empty: every row counts 1.
  std::size_t n_classes = 0;        ///< 0 for regression.
  /// Regression: the quantiles that are wanted of each row, rising, each between 0 and 1; empty: the mean.
  std::span<const double> quantiles = {};
  /// Which rows belong together (one patient, one shop), so that folds within a fit keep them on one side;
  /// empty: none do.
  std::span<const std::int64_t> groups = {};

  /// Numbers a model gives per row: 1 for regression (the value; one per quantile where there are any) and
  /// binary (the probability of class 1), n_classes for multiclass (one probability per class).
  std::size_t n_outputs() const {
    if (task == Task::kMulticlass) return n_classes;
    return quantiles.empty() ? 1 : quantiles.size();
  }
  double weight(std::size_t row) const { return weights.empty() ? 1.0 : weights[row]; }
};

}  // namespace kolosal::data
