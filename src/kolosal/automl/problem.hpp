#pragma once

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
  std::string group;   ///< "" = none
  std::string time;    ///< "" = none; it stays a feature
  std::string weight;  ///< "" = none
};

/// A supervised problem made of a table: features, target as numbers, and what was decided and why.
struct Problem {
  data::Frame features;  ///< rows with a target only
  data::Schema schema;   ///< of all columns of the table, with roles
  data::Task task = data::Task::kRegression;
  std::string task_reason;  ///< "2 distinct values"
  const metric::Metric* metric = nullptr;
  std::vector<std::string> classes;  ///< as they were in the data, in class-index order; empty for regression
  std::vector<double> target;        ///< class index or value
  std::vector<double> weights;       ///< empty: none
  std::vector<std::int64_t> groups;  ///< empty: none
  std::vector<std::int64_t> times;   ///< empty: none
  std::vector<std::string> notes;    ///< for the user: dropped rows, ignored columns

  data::TargetView target_view() const { return {task, target, weights, classes.size()}; }
  std::size_t n_rows() const { return target.size(); }
  /// Of the features, target, weights, groups and times (XXH64 over their values): a resumed run must see the
  /// same table.
  std::uint64_t fingerprint() const;
};

/// @throws Error kData for a target that is absent (nearest names), constant or all missing, for too few rows
/// or features, infinite target values, negative weights; kInvalidParameter for a metric of another task.
Problem make_problem(const data::Frame& table, const ProblemOptions& options);

}  // namespace kolosal::automl
