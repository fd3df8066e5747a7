#include "kolosal/core/read_ahead.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

namespace kolosal {
namespace {

Context with(ThreadPool& pool) {
  Context out;
  out.pool = &pool;
  out.n_threads = pool.n_threads();
  return out;
}

std::function<std::optional<int>()> numbers_below(int end) {
  return [at = 0, end]() mutable { return at < end ? std::optional(at++) : std::nullopt; };
}

TEST(ReadAhead, GivesItemsInOrderWithAndWithoutThreads) {
  ThreadPool pool(2);
  for (const Context& context : {Context{}, with(pool)}) {
    std::vector<int> seen;
    read_ahead(context, numbers_below(5), [&](int item) { seen.push_back(item); });
    EXPECT_THAT(seen, ::testing::ElementsAre(0, 1, 2, 3, 4));
    read_ahead(context, numbers_below(0), [&](int) { FAIL() << "there is no item"; });
  }
}

TEST(ReadAhead, ReadsTheNextItemWhileOneIsWorkedOn) {
  ThreadPool pool(2);
  std::mutex mutex;
  std::condition_variable was_read;
  int n_read = 0;
  const auto read = [&]() -> std::optional<int> {
    const std::lock_guard lock(mutex);
    was_read.notify_all();
    return n_read < 3 ? std::optional(n_read++) : std::nullopt;
  };
  // Would wait for ever if the next item were read only after this one.
  read_ahead(with(pool), read, [&](int item) {
    std::unique_lock lock(mutex);
    was_read.wait(lock, [&] { return n_read > std::min(item + 1, 2); });
  });
  EXPECT_EQ(n_read, 3);
}

TEST(ReadAhead, EndsAtTheFirstException) {
  ThreadPool pool(2);
  for (const Context& context : {Context{}, with(pool)}) {
    int n_read = 0;
    const auto read = [&]() -> std::optional<int> {
      if (n_read == 3) throw std::runtime_error("the file ends within a row");
      return n_read++;
    };
    EXPECT_THROW(read_ahead(context, read, [](int) {}), std::runtime_error);
    EXPECT_THROW(read_ahead(context, numbers_below(9),
                            [](int item) {
                              if (item == 1) throw std::invalid_argument("no number");
                            }),
                 std::invalid_argument);
  }
}

}  // namespace
}  // namespace kolosal
