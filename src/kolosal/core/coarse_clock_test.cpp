#include "kolosal/core/coarse_clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace kolosal {
namespace {

TEST(CoarseClock, GoesAsTheRealClockToATick) {
  const Clock& exact = Clock::system();
  const double exact_start = exact.now_s(), start = coarse_clock().now_s();
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  const double passed = coarse_clock().now_s() - start;
  EXPECT_GE(passed, 0.04);
  EXPECT_LE(passed, exact.now_s() - exact_start + 0.011);
}

}  // namespace
}  // namespace kolosal
