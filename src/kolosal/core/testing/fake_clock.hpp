#pragma once

#include <atomic>

#include "kolosal/core/context.hpp"

namespace kolosal {

/// A clock that stands until a test moves it. Safe from several threads.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(double now_s = 0) : now_s_(now_s) {}
  double now_s() const override { return now_s_.load(); }
  void advance(double seconds) { now_s_.store(now_s_.load() + seconds); }
  void set(double now_s) { now_s_.store(now_s); }

 private:
  std::atomic<double> now_s_;
};

}  // namespace kolosal
