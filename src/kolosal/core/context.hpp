#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "kolosal/core/thread_pool.hpp"

namespace kolosal {

/// Monotonic time. Tests replace it by a clock that they move by hand (core/testing/fake_clock.hpp).
class Clock {
 public:
  virtual ~Clock() = default;
  /// Seconds since the process started (since the kernel made it, not since main()).
  virtual double now_s() const = 0;
  /// The real clock.
  static const Clock& system();
};

/// A moment on a Clock by which work must have ended. Default: never.
class Deadline {
 public:
  Deadline() = default;
  Deadline(const Clock& clock, double at_s) : clock_(&clock), at_s_(at_s) {}
  double remaining_s() const {
    return clock_ ? at_s_ - clock_->now_s() : std::numeric_limits<double>::infinity();
  }
  bool passed() const { return remaining_s() <= 0; }
  bool is_set() const { return clock_ != nullptr; }

 private:
  const Clock* clock_ = nullptr;
  double at_s_ = std::numeric_limits<double>::infinity();
};

/// Asks running work to stop soon. Set from a signal handler or another thread; safe in both.
class CancelToken {
 public:
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  bool is_cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

/// What a piece of work may use. Passed down by value, never global.
///
/// Threads: n_threads is how many threads this call may keep busy; the pool may have more. Work that is
/// already one of many in parallel gets single_threaded().
struct Context {
  ThreadPool* pool = nullptr;  ///< Null: everything runs on the calling thread.
  std::size_t n_threads = 1;
  Deadline deadline;
  const CancelToken* cancel = nullptr;
  std::uint64_t seed = 0;
  std::size_t memory_limit_bytes = std::numeric_limits<std::size_t>::max();

  bool should_stop() const { return deadline.passed() || (cancel && cancel->is_cancelled()); }

  Context single_threaded() const {
    Context out = *this;
    out.n_threads = 1;
    return out;
  }
  Context with_seed(std::uint64_t value) const {
    Context out = *this;
    out.seed = value;
    return out;
  }

  /// Calls body(begin, end) over [0, n) in blocks of `grain`, on up to n_threads threads. Blocks do not
  /// depend on the number of threads, so results that are combined by block are the same on any machine.
  template <typename Body>
  void parallel_blocks(std::size_t n, std::size_t grain, Body&& body) const {
    const std::size_t n_blocks = grain == 0 ? 0 : (n + grain - 1) / grain;
    auto block = [&](std::size_t i) { body(i * grain, std::min(n, (i + 1) * grain)); };
    if (!pool || n_threads <= 1 || n_blocks <= 1) {
      for (std::size_t i = 0; i < n_blocks; ++i) block(i);
    } else {
      pool->for_each(n_blocks, n_threads, block);
    }
  }
};

}  // namespace kolosal
