#include "kolosal/core/context.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "kolosal/core/testing/fake_clock.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/core/version.hpp"

namespace kolosal {
namespace {

TEST(Deadline, PassesWhenTheClockReachesIt) {
  FakeClock clock(100);
  const Deadline deadline(clock, 110);
  EXPECT_TRUE(deadline.is_set());
  EXPECT_EQ(deadline.remaining_s(), 10);
  clock.advance(9.5);
  EXPECT_FALSE(deadline.passed());
  clock.advance(0.5);
  EXPECT_TRUE(deadline.passed());
  clock.set(200);
  EXPECT_EQ(deadline.remaining_s(), -90);
}

TEST(Deadline, TheDefaultNeverPasses) {
  const Deadline never;
  EXPECT_FALSE(never.is_set());
  EXPECT_FALSE(never.passed());
  EXPECT_TRUE(std::isinf(never.remaining_s()));
}

TEST(Context, StopsByDeadlineOrCancellation) {
  FakeClock clock;
  CancelToken token;
  Context context;
  EXPECT_FALSE(context.should_stop());
  context.deadline = Deadline(clock, 1);
  context.cancel = &token;
  EXPECT_FALSE(context.should_stop());
  token.cancel();
  EXPECT_TRUE(context.should_stop());
  EXPECT_TRUE(context.single_threaded().should_stop());
  Context other;
  other.deadline = Deadline(clock, 1);
  clock.set(1);
  EXPECT_TRUE(other.should_stop());
}

TEST(Context, CopiesChangeOneThing) {
  Context context;
  context.n_threads = 8;
  context.seed = 1;
  EXPECT_EQ(context.single_threaded().n_threads, 1U);
  EXPECT_EQ(context.single_threaded().seed, 1U);
  EXPECT_EQ(context.with_seed(5).seed, 5U);
  EXPECT_EQ(context.with_seed(5).n_threads, 8U);
}

TEST(Context, BlocksAreTheSameForAnyNumberOfThreads) {
  ThreadPool pool(4);
  for (const std::size_t n :
       {std::size_t{0}, std::size_t{1}, std::size_t{9}, std::size_t{10}, std::size_t{1001}}) {
    std::vector<std::vector<std::pair<std::size_t, std::size_t>>> seen;
    for (const std::size_t n_threads : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
      Context context;
      context.pool = &pool;
      context.n_threads = n_threads;
      std::mutex mutex;
      auto& blocks = seen.emplace_back();
      context.parallel_blocks(n, 10, [&](std::size_t begin, std::size_t end) {
        const std::lock_guard lock(mutex);
        blocks.emplace_back(begin, end);
      });
      std::ranges::sort(blocks);
      std::size_t next = 0;
      for (const auto& [begin, end] : blocks) {
        EXPECT_EQ(begin, next);
        EXPECT_LE(end - begin, 10U);
        next = end;
      }
      EXPECT_EQ(next, n);
    }
    EXPECT_EQ(seen[0], seen[1]);
    EXPECT_EQ(seen[0], seen[2]);
  }
}

TEST(Context, WithoutAPoolBlocksRunInOrder) {
  std::vector<std::size_t> begins;
  Context().parallel_blocks(25, 10, [&](std::size_t begin, std::size_t) { begins.push_back(begin); });
  EXPECT_EQ(begins, (std::vector<std::size_t>{0, 10, 20}));
}

TEST(Clock, CountsFromTheStartOfTheProcess) {
  const double before = Clock::system().now_s();
  EXPECT_GE(before, 0);
  EXPECT_LT(before, 600);  // the test program is younger
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double passed = Clock::system().now_s() - before;
  EXPECT_GE(passed, 0.019);
  EXPECT_LT(passed, 10);
}

TEST(Version, IsThatOfTheBuild) {
  const std::string build = read_text("CMakeLists.txt");
  EXPECT_NE(build.find("VERSION " + std::string(kVersion) + " "), std::string::npos);
}

}  // namespace
}  // namespace kolosal
