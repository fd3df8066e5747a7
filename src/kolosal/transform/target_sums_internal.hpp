#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/transform/level_counts_internal.hpp"
#include "kolosal/transform/level_rules_internal.hpp"
#include "kolosal/transform/target_outputs_internal.hpp"

namespace kolosal::transform {

/// Weighted sums of the target by level of each category column, gathered from batches whose dictionaries may
/// differ. To rounding what one pass over all rows gives, in memory by levels times classes.
class TargetSums {
 public:
  void begin(std::size_t n_columns);
  /// @throws Error kInvalidParameter when the task or the number of classes is not that of the first batch.
  void add(const data::Frame& x, const data::TargetView& y, const Context& context);
  void merge(const TargetSums& other);

  data::Task task() const { return task_; }
  /// What becomes of the target: of many classes, the most frequent ones.
  TargetOutputs outputs(std::size_t max_classes) const;

  struct Sum {
    double value = 0, square = 0;
    Sum& operator+=(const Sum& other) {
      value += other.value;
      square += other.square;
      return *this;
    }
  };
  struct OfColumn {
    Levels levels;                     // in order
    std::vector<std::int64_t> n_rows;  // by slot of the levels
    std::vector<double> weight;        // by slot
    std::vector<Sum> sums;             // slot x output: of TargetOutputs::value() and its square
    /// As LevelRules::fit_counts() of column c, which is called `name`; weight and sums follow.
    void fit_rules(std::size_t c, const std::string& name, LevelRules& rules);
  };
  OfColumn of_column(std::size_t c, const TargetOutputs& outputs) const;

 private:
  // By class, output k is class k, and the value is 1 in its rows; else there is one, the target minus
  // shift_.
  struct Gathered {
    LevelIndex index;
    std::vector<std::int64_t> n_rows;  // by slot of index
    std::vector<double> weight;        // by slot
    std::vector<Sum> sums;             // slot x output
    void grow(std::size_t n_outputs);
  };
  void start(data::Task task, std::size_t n_classes);
  std::size_t n_outputs() const { return task_ == data::Task::kMulticlass ? n_classes_ : 1; }

  bool started_ = false;
  data::Task task_ = data::Task::kRegression;
  std::size_t n_classes_ = 0;
  double shift_ = 0;  // near the mean of all rows, so that sums of squares keep their digits
  std::vector<std::int64_t> class_rows_;
  std::vector<Gathered> columns_;
};

}  // namespace kolosal::transform
