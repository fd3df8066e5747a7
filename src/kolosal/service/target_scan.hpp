#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "kolosal/automl/problem.hpp"
#include "kolosal/data/column.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::service {

/// The problem that a target column alone makes: the task, the classes, and the target of the rows that have
/// one. task: "auto" or the one asked for. @throws Error as automl::make_problem() for a target that is none.
automl::Problem target_problem(const data::Column& column, const std::string& name, const std::string& task);

/// What the target column of a table that is read in batches is to the steps that use it.
class StreamedTarget {
 public:
  data::Task task() const { return task_; }
  std::size_t n_classes() const { return class_of_.size(); }
  /// The class or the number in each row of a batch; NaN where it is missing.
  std::vector<double> values(const data::Column& cells) const;

 private:
  friend class TargetScan;
  data::Task task_ = data::Task::kRegression;
  std::unordered_map<std::string, std::int32_t> class_of_;  // empty for numbers
};

/// Decides what a target is from its batches.
///
/// Memory: of each different value a few rows, and of no more values than there may be classes.
class TargetScan {
 public:
  explicit TargetScan(std::string name) : name_(std::move(name)) {}
  /// @throws Error kData for an infinite target: name and row.
  void add(const data::Column& cells);
  std::size_t n_rows() const { return n_rows_; }
  std::size_t n_missing() const { return n_missing_; }
  /// As target_problem() of the whole column.
  StreamedTarget decide(const std::string& task) const;

 private:
  std::string name_;
  std::size_t n_rows_ = 0, n_missing_ = 0;
  std::unordered_map<std::string, std::size_t> number_;  // of each different value, as text
  std::vector<std::size_t> counts_;                      // by number
  std::vector<data::Column> cells_;                      // by number: one row
};

}  // namespace kolosal::service
