#pragma once

#include <cstddef>

#include "kolosal/core/error.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::transform {

/// The kind of target that a stream has; known from its first batch with rows.
struct StreamTarget {
  bool is_known = false;
  data::Task task = data::Task::kRegression;
  std::size_t n_classes = 0;  ///< 0 for regression.

  /// @throws Error kInvalidParameter when another batch had another kind.
  void meet(data::Task batch_task, std::size_t batch_classes) {
    if (is_known && (task != batch_task || n_classes != batch_classes))
      throw Error(ErrorCode::kInvalidParameter,
                  "the target of a batch is {} with {} classes, but was {} with {}",
                  data::task_name(batch_task), batch_classes, data::task_name(task), n_classes);
    *this = {true, batch_task, batch_classes};
  }
};

}  // namespace kolosal::transform
