#include "kolosal/core/spares.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace kolosal {
namespace {

TEST(Spares, GivesBackWhatWasUsedBefore) {
  Spares<std::vector<int>> spares;
  const int* first = nullptr;
  {
    const auto one = spares.take();
    one->assign(100, 7);
    first = one->data();
  }
  const auto again = spares.take();
  EXPECT_EQ(again->data(), first);
  const auto other = spares.take();  // the first is in use
  EXPECT_TRUE(other->empty());
}

TEST(Spares, NoTwoUsersHoldTheSame) {
  Spares<int> spares;
  std::vector<std::thread> threads;
  std::atomic<int> n_shared = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const auto mine = spares.take();
        *mine = t;
        std::this_thread::yield();
        if (*mine != t) ++n_shared;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_shared, 0);
}

}  // namespace
}  // namespace kolosal
