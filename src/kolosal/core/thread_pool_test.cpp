#include "kolosal/core/thread_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace kolosal {
namespace {

void increase_to(std::atomic<int>& maximum, int value) {
  for (int seen = maximum; seen < value && !maximum.compare_exchange_weak(seen, value);) {
  }
}

TEST(ThreadPool, EachTaskRunsOnce) {
  ThreadPool pool(4);
  EXPECT_EQ(pool.n_threads(), 4U);
  for (const std::size_t n : {0U, 1U, 3U, 4U, 1000U}) {
    std::vector<std::atomic<int>> runs(n);
    pool.for_each(n, 4, [&](std::size_t i) { ++runs[i]; });
    for (const auto& count : runs) EXPECT_EQ(count, 1);
  }
}

TEST(ThreadPool, OneThreadIsTheCaller) {
  ThreadPool pool(1);
  EXPECT_EQ(pool.n_threads(), 1U);
  const auto caller = std::this_thread::get_id();
  pool.for_each(10, 8, [&](std::size_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
}

TEST(ThreadPool, UsesNoMoreThreadsThanAllowed) {
  ThreadPool pool(8);
  for (const int allowed : {0, 1, 2, 3}) {
    std::atomic<int> active{0}, most{0};
    pool.for_each(40, static_cast<std::size_t>(allowed), [&](std::size_t) {
      increase_to(most, ++active);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      --active;
    });
    EXPECT_LE(most, std::max(1, allowed));
  }
}

TEST(ThreadPool, TasksRunAtTheSameTime) {
  ThreadPool pool(3);
  std::atomic<int> n_there{0}, n_met{0};
  pool.for_each(3, 3, [&](std::size_t) {
    ++n_there;
    // Each waits for the others; a pool that ran them one by one would wait in vain.
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (n_there < 3 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    if (n_there == 3) ++n_met;
  });
  EXPECT_EQ(n_met, 3);
}

TEST(ThreadPool, TheFirstExceptionReachesTheCaller) {
  ThreadPool pool(4);
  std::atomic<int> n_run{0};
  EXPECT_THROW(pool.for_each(10'000, 4,
                             [&](std::size_t i) {
                               ++n_run;
                               if (i == 5) throw std::runtime_error("five");
                               std::this_thread::sleep_for(std::chrono::microseconds(20));
                             }),
               std::runtime_error);
  EXPECT_LT(n_run, 10'000);  // tasks that had not started were dropped
  std::atomic<int> after{0};
  pool.for_each(10, 4, [&](std::size_t) { ++after; });
  EXPECT_EQ(after, 10);
}

TEST(ThreadPool, TasksMayUseThePool) {
  ThreadPool pool(3);
  std::atomic<int> n_run{0};
  pool.for_each(8, 3, [&](std::size_t) {
    pool.for_each(8, 3, [&](std::size_t) { pool.for_each(4, 3, [&](std::size_t) { ++n_run; }); });
  });
  EXPECT_EQ(n_run, 8 * 8 * 4);
}

TEST(ThreadPool, AThreadThatHasEndedItsTaskHelpsTheOthers) {
  ThreadPool pool(2);
  std::atomic<int> n_there{0}, n_met{0};
  pool.for_each(2, 2, [&](std::size_t task) {
    if (task == 0) return;
    // The two wait for each other; nobody but the thread of task 0 can come.
    pool.for_each(2, 2, [&](std::size_t) {
      ++n_there;
      const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      while (n_there < 2 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
      if (n_there == 2) ++n_met;
    });
  });
  EXPECT_EQ(n_met, 2);
}

TEST(ThreadPool, SeveralThreadsMayCallAtOnce) {
  ThreadPool pool(4);
  std::atomic<int> n_run{0};
  {
    std::vector<std::jthread> callers;
    for (int t = 0; t < 4; ++t)
      callers.emplace_back([&] {
        for (int i = 0; i < 200; ++i) pool.for_each(5, 4, [&](std::size_t) { ++n_run; });
      });
  }
  EXPECT_EQ(n_run, 4 * 200 * 5);
}

TEST(ThreadPool, StartsAndEndsWithoutWork) {
  for (int i = 0; i < 50; ++i) ThreadPool pool(4);
}

}  // namespace
}  // namespace kolosal
