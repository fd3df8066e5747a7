#pragma once

#include <cstddef>
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

  /// Numbers a model gives per row: 1 for regression (the value) and binary (the probability of class 1),
  /// n_classes for multiclass (one probability per class).
  std::size_t n_outputs() const { return task == Task::kMulticlass ? n_classes : 1; }
  double weight(std::size_t row) const { return weights.empty() ? 1.0 : weights[row]; }
};

}  // namespace kolosal::data
