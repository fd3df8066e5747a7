#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace kolosal {

/// What kind of thing went wrong. One table (error.cpp) maps a code to its name and its exit code; no other
/// code does.
enum class ErrorCode {
  kUsage,             ///< The command line or a call is malformed: unknown option, option without its value.
  kInvalidParameter,  ///< A parameter or configuration value is out of range or unknown.
  kNotFound,          ///< A file or a named thing does not exist.
  kIo,                ///< Reading or writing failed: permission, disk full, broken pipe.
  kData,              ///< The user's table can not be used as asked: ragged line, missing target, wrong type.
  kModel,             ///< A model file is damaged, too new, or not a model.
  kNotFitted,         ///< Used before fit().
  kUnsupported,       ///< A valid wish that this build or machine can not fulfil: a library is missing.
  kMemory,            ///< The memory limit does not allow it.
  kBudget,            ///< The time or trial budget ended before there was a usable model.
  kInterrupted,       ///< Stopped by the user; a usable model may exist.
  kInternal,          ///< A bug of ours.
};

/// The one exception of the engine. what() says what is wrong, then the value, then what to do when that is
/// known.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  /// Formats like fmt::format: Error(ErrorCode::kData, "column not found: {}", name).
  template <typename... Args>
    requires(sizeof...(Args) > 0)
  Error(ErrorCode code, fmt::format_string<Args...> message, Args&&... args)
      : Error(code, fmt::format(message, std::forward<Args>(args)...)) {}

  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// The process exit code: 2 usage, 3 data, 4 model, 5 budget, 6 interrupted, 70 internal.
int exit_code(ErrorCode code) noexcept;

/// The stable lower-case name of a code, as in JSON output: "invalid_parameter".
std::string_view error_name(ErrorCode code) noexcept;

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* why, const char* file, int line);
}

/// A bug of ours, never the user's input: throws Error kInternal with the place.
#define KOLOSAL_ASSERT(condition, why)                                                          \
  do {                                                                                          \
    if (!(condition)) ::kolosal::detail::assertion_failed(#condition, why, __FILE__, __LINE__); \
  } while (false)

}  // namespace kolosal
