#include "kolosal/core/signals.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "kolosal/core/error.hpp"

namespace kolosal {
namespace {

// What the handler may touch: lock-free atomics and memory that is written before the handler is installed.
std::atomic<CancelToken*> current_token{nullptr};
std::atomic<int> n_signals{0};
std::array<char, 64> restore_bytes;
std::size_t n_restore_bytes = 0;
static_assert(std::atomic<CancelToken*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

constexpr std::array kStopSignals = {SIGINT, SIGTERM};
std::array<struct sigaction, kStopSignals.size()> former_stop;
struct sigaction former_pipe;

extern "C" void on_stop_signal(int) {
  const int saved_errno = errno;
  if (n_signals.fetch_add(1) > 0) {
    if (n_restore_bytes > 0 && isatty(STDERR_FILENO)) [[maybe_unused]]
      const auto n = ::write(STDERR_FILENO, restore_bytes.data(), n_restore_bytes);
    _exit(kInterruptedAtOnce);
  }
  if (CancelToken* token = current_token.load()) token->cancel();
  errno = saved_errno;
}

}  // namespace

SignalScope::SignalScope(CancelToken& token, std::string_view restore_terminal) {
  KOLOSAL_ASSERT(current_token.load() == nullptr, "one SignalScope at a time");
  KOLOSAL_ASSERT(restore_terminal.size() <= restore_bytes.size(), "the terminal is restored by a few bytes");
  std::ranges::copy(restore_terminal, restore_bytes.begin());
  n_restore_bytes = restore_terminal.size();
  n_signals.store(0);
  current_token.store(&token);

  struct sigaction stop{};
  stop.sa_handler = on_stop_signal;
  stop.sa_flags = SA_RESTART;  // work looks at the token; reads and writes need not know of signals
  sigemptyset(&stop.sa_mask);
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) sigaction(kStopSignals[i], &stop, &former_stop[i]);

  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGPIPE, &ignore, &former_pipe);
}

SignalScope::~SignalScope() {
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) sigaction(kStopSignals[i], &former_stop[i], nullptr);
  sigaction(SIGPIPE, &former_pipe, nullptr);
  current_token.store(nullptr);
}

}  // namespace kolosal
