#pragma once

#include <string_view>

#include "kolosal/core/context.hpp"

namespace kolosal {

/// What an interrupted process returns to its shell when it stopped at once: 128 + SIGINT.
inline constexpr int kInterruptedAtOnce = 130;

/// While it lives, the first SIGINT or SIGTERM sets the token, so that running work ends with its best result
/// so far; the second ends the process at once, with exit code 130 and without running destructors. SIGPIPE
/// is ignored, so a closed pipe is reported by the write that fails. The former handlers come back at the end
/// of the scope.
///
/// Only one can live at a time.
class SignalScope {
 public:
  /// restore_terminal: bytes written to stderr before the second signal ends the process, if stderr is a
  /// terminal (as
  /// "\033[?25h\n" to show the cursor again); at most 64.
  explicit SignalScope(CancelToken& token, std::string_view restore_terminal = {});
  ~SignalScope();
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;
};

}  // namespace kolosal
