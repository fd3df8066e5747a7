#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kolosal/data/column.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::data {

/// The distinct present values of a column as text, in the order in which classes are numbered: numbers by
/// value, texts by bytes.
struct ClassLevels {
  std::vector<std::string> names;
  std::vector<std::size_t> counts;  ///< Never 0.
  std::vector<std::int32_t> codes;  ///< Per row; -1 where missing.
};

ClassLevels class_levels(const Column& column);

struct TaskChoice {
  Task task = Task::kRegression;
  std::string reason;  ///< "category values"
};

/// What a target column asks for when nobody says: classes for booleans, texts, categories, integers of few
/// values and floats of at most two; else a number. Classes are kMulticlass here; two of them make it binary.
TaskChoice choose_task(const Column& column);

}  // namespace kolosal::data
