#include "kolosal/core/error.hpp"

#include <array>

namespace kolosal {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  int exit_code;
};

constexpr std::array kTable = {
    Row{ErrorCode::kUsage, "usage", 2},
    Row{ErrorCode::kInvalidParameter, "invalid_parameter", 2},
    Row{ErrorCode::kNotFound, "not_found", 3},
    Row{ErrorCode::kIo, "io", 3},
    Row{ErrorCode::kData, "data", 3},
    Row{ErrorCode::kModel, "model", 4},
    Row{ErrorCode::kNotFitted, "not_fitted", 4},
    Row{ErrorCode::kUnsupported, "unsupported", 4},
    Row{ErrorCode::kMemory, "memory", 5},
    Row{ErrorCode::kBudget, "budget", 5},
    Row{ErrorCode::kInterrupted, "interrupted", 6},
    Row{ErrorCode::kInternal, "internal", 70},
};

const Row& row_of(ErrorCode code) noexcept {
  for (const Row& row : kTable)
    if (row.code == code) return row;
  return kTable.back();
}

}  // namespace

int exit_code(ErrorCode code) noexcept { return row_of(code).exit_code; }

std::string_view error_name(ErrorCode code) noexcept { return row_of(code).name; }

namespace detail {

void assertion_failed(const char* condition, const char* why, const char* file, int line) {
  const std::string_view path = file;
  const auto slash = path.rfind('/');
  throw Error(ErrorCode::kInternal, "internal error at {}:{}: {} ({})",
              slash == std::string_view::npos ? path : path.substr(slash + 1), line, condition, why);
}

}  // namespace detail
}  // namespace kolosal
