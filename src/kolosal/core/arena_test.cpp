#include "kolosal/core/arena.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <thread>

#include "kolosal/core/random.hpp"

namespace kolosal {
namespace {

using ::testing::Each;

bool is_aligned(const void* p, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
}

TEST(Arena, PiecesAreAlignedAndDoNotOverlap) {
  Arena arena(256);
  Rng rng(1);
  std::vector<std::pair<std::byte*, std::size_t>> pieces;
  for (std::size_t i = 0; i < 2'000; ++i) {
    const std::size_t alignment = std::size_t{1} << rng.below(8), n_bytes = rng.below(700);
    auto* const piece = static_cast<std::byte*>(arena.take(n_bytes, alignment));
    ASSERT_TRUE(is_aligned(piece, alignment));
    std::memset(piece, static_cast<int>(i % 251), n_bytes);
    pieces.emplace_back(piece, n_bytes);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i)
    for (std::size_t k = 0; k < pieces[i].second; ++k)
      ASSERT_EQ(pieces[i].first[k], static_cast<std::byte>(i % 251)) << "piece " << i;
  EXPECT_EQ(arena.counters().n_taken, 2'000U);
}

TEST(Arena, CountsWhatIsUsedAndHeld) {
  Arena arena(1'000);
  EXPECT_EQ(arena.counters().reserved_bytes, 0U);
  arena.take(600, 1);
  arena.take(300, 1);
  EXPECT_EQ(arena.counters().used_bytes, 900U);
  EXPECT_EQ(arena.counters().reserved_bytes, 1'000U);
  arena.take(200, 1);  // does not fit any more
  ArenaCounters counters = arena.counters();
  EXPECT_EQ(counters.used_bytes, 1'100U);
  EXPECT_EQ(counters.n_blocks, 2U);
  EXPECT_EQ(counters.reserved_bytes, 3'000U);
  arena.reset();
  counters = arena.counters();
  EXPECT_EQ(counters.used_bytes, 0U);
  EXPECT_EQ(counters.peak_bytes, 1'100U);
  EXPECT_EQ(counters.n_taken, 3U);
}

TEST(Arena, TheSecondRoundFitsInOneBlock) {
  Arena arena(64);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1'000; ++i) arena.take(100);
    if (round > 0) {
      EXPECT_EQ(arena.counters().n_blocks, 1U);
    }
    arena.reset();
  }
}

TEST(Arena, ALargePieceGetsABlockOfItsOwn) {
  Arena arena(64);
  auto* const piece = static_cast<std::byte*>(arena.take(20 << 20, 64));
  EXPECT_TRUE(is_aligned(piece, 64));
  piece[(20 << 20) - 1] = std::byte{1};
  EXPECT_GE(arena.counters().reserved_bytes, std::size_t{20} << 20);
}

TEST(Arena, ArraysAreZeroAndContainersLiveInIt) {
  Arena arena;
  std::memset(arena.take(1'000), 0xFF, 1'000);
  arena.reset();
  EXPECT_THAT(arena.array<int>(100), Each(0));
  EXPECT_EQ(arena.array<double>(0).size(), 0U);
  std::pmr::vector<std::pmr::string> texts(&arena);
  for (int i = 0; i < 100; ++i) texts.emplace_back("a text that does not fit into the string itself");
  EXPECT_EQ(texts[99], texts[0]);
  EXPECT_GT(arena.counters().used_bytes, 4'800U);
}

TEST(Arena, AnImpossibleSizeIsRefused) {
  Arena arena;
  EXPECT_THROW(arena.array<double>(std::numeric_limits<std::size_t>::max() / 4), std::bad_alloc);
  EXPECT_THROW(arena.take(std::numeric_limits<std::size_t>::max(), 64), std::bad_alloc);
  EXPECT_NE(arena.take(10), nullptr);
}

TEST(BufferPool, GivesABufferAgain) {
  BufferPool pool(1 << 20);
  const std::byte* first = nullptr;
  {
    const auto buffer = pool.take(100'000);
    first = buffer.data();
    EXPECT_TRUE(is_aligned(first, 64));
    EXPECT_EQ(buffer.size(), 100'000U);
    std::memset(buffer.data(), 1, buffer.size());
  }
  EXPECT_EQ(pool.take(99'000).data(), first);  // of about the same size
  const BufferPoolCounters counters = pool.counters();
  EXPECT_EQ(counters.n_taken, 2U);
  EXPECT_EQ(counters.n_reused, 1U);
  EXPECT_EQ(counters.used_bytes, 0U);
  EXPECT_EQ(counters.idle_bytes, counters.peak_used_bytes);
  pool.trim();
  EXPECT_EQ(pool.counters().idle_bytes, 0U);
}

TEST(BufferPool, ABufferIsNeverSmallerThanAskedAndAtMostAQuarterLarger) {
  BufferPool pool(0);
  Rng rng(3);
  std::vector<std::size_t> sizes = {0, 1, 4'095, 4'096, 4'097, 5'120, 5'121, 8'191, 8'192, 8'193};
  for (int i = 0; i < 200; ++i) sizes.push_back(1 + rng.below(1 << 22));
  for (const std::size_t n_bytes : sizes) {
    const auto buffer = pool.take(n_bytes);
    std::memset(buffer.data(), 1, buffer.size());
    EXPECT_GE(pool.counters().used_bytes, n_bytes);
    EXPECT_LE(pool.counters().used_bytes, std::max<std::size_t>(4'096, n_bytes + n_bytes / 4 + 1)) << n_bytes;
  }
  EXPECT_EQ(pool.counters().used_bytes, 0U);
}

TEST(BufferPool, KeepsNoMoreThanItsLimit) {
  BufferPool pool(10'000);
  {
    const auto a = pool.take(8'192), b = pool.take(8'192);
    EXPECT_EQ(pool.counters().used_bytes, 16'384U);
  }
  EXPECT_EQ(pool.counters().idle_bytes, 8'192U);
  EXPECT_THROW(pool.take(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
}

TEST(BufferPool, AMovedBufferIsGivenBackOnce) {
  BufferPool pool(1 << 20);
  auto a = pool.take(5'000);
  auto b = std::move(a);
  a = pool.take(6'000);
  b = std::move(a);
  EXPECT_EQ(pool.counters().idle_bytes, 5'120U);
  EXPECT_EQ(pool.counters().used_bytes, 6'144U);
}

TEST(BufferPool, ManyThreadsHaveBuffersOfTheirOwn) {
  BufferPool pool(1 << 20);
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 1; t <= 4; ++t)
    threads.emplace_back([&pool, t] {
      Rng rng(t);
      for (int i = 0; i < 1'000; ++i) {
        const auto buffer = pool.take(1 + rng.below(40'000));
        std::memset(buffer.data(), static_cast<int>(t), buffer.size());
        std::this_thread::yield();
        ASSERT_TRUE(
            std::ranges::all_of(buffer.bytes(), [t](std::byte b) { return b == static_cast<std::byte>(t); }));
      }
    });
  threads.clear();
  EXPECT_EQ(pool.counters().n_taken, 4'000U);
  EXPECT_EQ(pool.counters().used_bytes, 0U);
}

}  // namespace
}  // namespace kolosal
