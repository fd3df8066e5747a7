#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::automl {

/// A category column from texts; levels in the order in which they first occur.
data::Column category_column(const std::vector<std::string>& cells);

/// A small table that can be learned: numbers "a" and "b", a category "c" of three levels, some cells
/// missing, and the target "y": "no"/"yes", "low"/"mid"/"top", or a number.
data::Frame made_table(data::Task task, std::size_t n_rows, std::uint64_t seed = 1);

/// What a table's target is as numbers, without a Problem around it.
struct MadeTarget {
  data::Task task = data::Task::kRegression;
  std::vector<double> values;
  std::size_t n_classes = 0;
  data::TargetView view() const { return {task, values, {}, n_classes}; }
};
MadeTarget target_of(const data::Frame& table, data::Task task);

}  // namespace kolosal::automl
