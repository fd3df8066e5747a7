#pragma once

#include <string>
#include <vector>

#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::model {

/// A column, and how the prediction may move when it alone rises: up (+1) or down (-1), never the other way.
struct MonotoneColumn {
  std::string name;
  int direction = 1;
};

/// Of "age=+" and "price=-". @throws Error kInvalidParameter naming what can not be read, or a column that is
/// named twice.
std::vector<MonotoneColumn> monotone_columns(const std::vector<std::string>& entries);

/// "age=+,price=-", as the parameter `monotone` of learners has it.
std::string monotone_text(const std::vector<MonotoneColumn>& columns);

/// -1, 0 or 1 per column of x; empty for an empty text. learner: for the message of errors.
/// @throws Error kInvalidParameter for a column that x does not have (nearest name), that holds categories or
/// texts, which have no order, and for more than two classes, where no direction is up.
std::vector<int> monotone_directions(const std::string& learner, const std::string& text,
                                     const data::Frame& x, data::Task task);

}  // namespace kolosal::model
