#include "kolosal/core/scratch_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "kolosal/core/random.hpp"

namespace kolosal {
namespace {

TEST(ScratchPool, AWarmThreadAllocatesNothing) {
  ScratchPool pool;
  const auto request = [&](std::size_t n_rows) {
    const auto sums = pool.take(n_rows * sizeof(double)), bins = pool.take(2 * n_rows),
               rows = pool.take(100 * n_rows);
    std::ranges::fill(sums.array<double>(n_rows), 0.0);
  };
  request(1'000);
  const auto warm = pool.counters();
  for (int i = 0; i < 1'000; ++i) request(990);
  const auto counters = pool.counters();
  EXPECT_EQ(counters.n_allocated, warm.n_allocated);
  EXPECT_EQ(counters.n_from_front, warm.n_from_front + 3'000);
  EXPECT_EQ(counters.n_taken, 3'003U);
  EXPECT_EQ(counters.used_bytes, 0U);
}

TEST(ScratchPool, BuffersAreAlignedLargeEnoughAndLittleLarger) {
  ScratchPool pool;
  Rng rng(5);
  std::vector<std::size_t> sizes = {0, 1, 4'096, 4'097, 5'120, 5'121, 8'192, 8'193, 1 << 20, (1 << 20) + 1};
  for (int i = 0; i < 300; ++i) sizes.push_back(1 + rng.below(1 << 21));
  for (const std::size_t n_bytes : sizes) {
    const auto buffer = pool.take(n_bytes);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
    ASSERT_GE(buffer.size(), n_bytes);
    ASSERT_LE(buffer.size(), std::max<std::size_t>(4'096, n_bytes + n_bytes / 4 + 1)) << n_bytes;
    std::memset(buffer.data(), 1, n_bytes);
    ASSERT_EQ(pool.counters().used_bytes, buffer.size());
  }
  EXPECT_EQ(pool.counters().used_bytes, 0U);
  EXPECT_THROW(pool.take(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
}

TEST(ScratchPool, AFrontKeepsNoMoreThanItsLimitAndThePoolTheRest) {
  ScratchPool pool({.max_idle_bytes = 8'192, .max_front_bytes = 8'192});
  {
    std::vector<ScratchPool::Buffer> buffers;
    for (int i = 0; i < 6; ++i) buffers.push_back(pool.take(4'096));
    EXPECT_EQ(pool.counters().used_bytes, 6U * 4'096);
  }
  EXPECT_EQ(pool.counters().front_bytes, 8'192U);
  EXPECT_EQ(pool.counters().pool_bytes, 8'192U);
  {
    std::vector<ScratchPool::Buffer> buffers;
    for (int i = 0; i < 4; ++i) buffers.push_back(pool.take(4'096));
  }
  EXPECT_EQ(pool.counters().n_from_front, 2U);
  EXPECT_EQ(pool.counters().n_from_pool, 2U);
  EXPECT_EQ(pool.counters().n_allocated, 6U);
  pool.trim();
  EXPECT_EQ(pool.counters().front_bytes + pool.counters().pool_bytes, 0U);
}

TEST(ScratchPool, AMovedBufferIsGivenBackOnce) {
  ScratchPool pool;
  auto a = pool.take(5'000);
  auto b = std::move(a);
  a = pool.take(6'000);
  b = std::move(a);
  EXPECT_EQ(pool.counters().used_bytes, 6'144U);
  b = {};
  EXPECT_EQ(pool.counters().used_bytes, 0U);
  EXPECT_EQ(pool.counters().front_bytes, 5'120U + 6'144U);
}

TEST(ScratchPool, BuffersMayWanderBetweenThreads) {
  ScratchPool pool({.max_front_bytes = 40'000});
  std::mutex mutex;
  std::vector<ScratchPool::Buffer> wandering;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 1; t <= 8; ++t)
      threads.emplace_back([&, t] {
        Rng rng(t);
        for (int i = 0; i < 500; ++i) {
          auto buffer = pool.take(1 + rng.below(40'000));
          std::memset(buffer.data(), static_cast<int>(t), buffer.size());
          std::this_thread::yield();
          const auto bytes = buffer.array<std::byte>(buffer.size());
          ASSERT_TRUE(
              std::ranges::all_of(bytes, [t](std::byte b) { return b == static_cast<std::byte>(t); }));
          const std::lock_guard lock(mutex);
          wandering.push_back(std::move(buffer));
          if (wandering.size() > 20) wandering.erase(wandering.begin(), wandering.begin() + 10);
        }
      });
  }
  wandering.clear();
  const auto counters = pool.counters();
  EXPECT_EQ(counters.n_taken, 4'000U);
  EXPECT_EQ(counters.used_bytes, 0U);
  EXPECT_EQ(counters.n_from_front + counters.n_from_pool + counters.n_allocated, 4'000U);
}

}  // namespace
}  // namespace kolosal
