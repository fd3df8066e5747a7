#include "kolosal/data/target.hpp"

#include "kolosal/core/error.hpp"

namespace kolosal::data {

std::string_view task_name(Task task) {
  switch (task) {
    case Task::kBinary:
      return "binary";
    case Task::kMulticlass:
      return "multiclass";
    case Task::kRegression:
      return "regression";
  }
  KOLOSAL_ASSERT(false, "all tasks have a name");
}

Task task_from_name(std::string_view name) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
    if (task_name(task) == name) return task;
  throw Error(ErrorCode::kInvalidParameter, "unknown task: '{}'; use binary, multiclass or regression", name);
}

}  // namespace kolosal::data
