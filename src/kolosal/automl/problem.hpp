#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/data/frame.hpp"
#include "kolosal/data/schema.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::automl {

/// Which column is what; as the user said it.
struct ProblemOptions {
  std::string target;
  std::string task = "auto";  ///< auto, binary, multiclass, regression
  std::string metric;         ///< "" = the task's default
  std::vector<std::string> ignore;
  std::string group;              ///< "" = none
  std::string time;               ///< "" = none; it stays a feature
  std::string weight;             ///< "" = none
  std::vector<double> quantiles;  ///< Of a numeric target, rising, each between 0 and 1; empty: one value
};

/// A supervised problem made of a table: features, target as numbers, and what was decided and why.
struct Problem {
  data::Frame features;                   ///< rows with a target only
  std::vector<std::uint32_t> table_rows;  ///< which of the table these are; empty: all
  data::Schema schema;                    ///< of all columns of the table, with roles
  data::Task task = data::Task::kRegression;
  std::string task_reason;                 ///< "2 distinct values"
  const metric::Metric* metric = nullptr;  ///< Of `target` as it is here.
  std::vector<std::string> classes;  ///< as they were in the data, in class-index order; empty for regression
  std::vector<double> target;        ///< class index or value; its logarithm where is_log_target
  /// The metric looks at log(1 + value), so that is what is learned, and `metric` is the one for it under the
  /// name of the one that was asked for. Models take their predictions back.
  bool is_log_target = false;
  bool has_relative_errors = false;  ///< The metric looks at errors by the size of the value.
  std::vector<double> weights;       ///< empty: none
  std::vector<double> quantiles;     ///< wanted of each row; empty: none
  /// Those whose pinball loss chooses among models and blends them: the quantiles, or the median where the
  /// metric looks at absolute errors; empty: the task's loss.
  std::vector<double> loss_quantiles;
  std::vector<std::int64_t> groups;  ///< empty: none
  std::vector<std::int64_t> times;   ///< empty: none
  std::vector<std::string> notes;    ///< for the user: dropped rows, ignored columns

  data::TargetView target_view() const {
    return {task, target, weights, classes.size(), loss_quantiles, groups};
  }
  std::shared_ptr<const metric::Metric> own_metric =
      {};  ///< What `metric` is where it is not of the registry.
  std::size_t n_rows() const { return target.size(); }
  std::uint32_t table_row(std::size_t i) const {
    return table_rows.empty() ? static_cast<std::uint32_t>(i) : table_rows[i];
  }
  /// Of the features, target, weights, groups and times (XXH64 over their values): a resumed run must see the
  /// same table.
  std::uint64_t fingerprint() const;
};

/// @throws Error kInvalidParameter for quantiles that are not between 0 and 1, not rising or given twice.
void check_quantiles(const std::vector<double>& quantiles);

/// @throws Error kData for a target that is absent (nearest names), constant or all missing, for too few rows
/// or features, infinite target values, negative weights; kInvalidParameter for a metric of another task or
/// of one number where there are quantiles, for quantiles of classes, and of check_quantiles().
Problem make_problem(const data::Frame& table, const ProblemOptions& options);

}  // namespace kolosal::automl
