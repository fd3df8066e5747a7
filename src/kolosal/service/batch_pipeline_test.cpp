#include "kolosal/service/batch_pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

namespace kolosal::service {
namespace {

struct Trial {
  std::vector<int> written;
  int n_read = 0;
  std::atomic<int> n_inside{0};
  std::atomic<int> most_inside{0};

  /// 100 batches; fails in a stage at a batch.
  void go(std::size_t n_threads, std::size_t max_batches, int fail_at = -1, int stage = 0) {
    ThreadPool pool(n_threads);
    Context context;
    context.pool = &pool;
    context.n_threads = n_threads;
    BatchPipeline<int, int> batches;
    const auto check = [=](int i, int here) {
      if (i == fail_at && here == stage) throw std::runtime_error("stopped");
    };
    batches.read = [&]() -> std::optional<int> {
      check(n_read, 0);
      if (n_read == 100) return {};
      const int inside = ++n_inside;
      most_inside = std::max(most_inside.load(), inside);
      return n_read++;
    };
    batches.work = [&](int i) {
      check(i, 1);
      if (i % 3 == 0) std::this_thread::yield();
      return i * i;
    };
    batches.write = [&](int square) {
      check(static_cast<int>(written.size()), 2);
      written.push_back(square);
      --n_inside;
    };
    batches.max_batches = max_batches;
    batches.run(context);
  }
};

TEST(BatchPipeline, WritesInTheOrderOfReadingForAnyNumberOfThreads) {
  std::vector<int> want(100);
  for (int i = 0; i < 100; ++i) want[static_cast<std::size_t>(i)] = i * i;
  for (const std::size_t n_threads : {1, 2, 3, 8})
    for (const std::size_t max_batches : {1, 2, 7}) {
      Trial run;
      run.go(n_threads, max_batches);
      EXPECT_EQ(run.written, want) << n_threads << " threads, " << max_batches << " batches";
      EXPECT_LE(run.most_inside, static_cast<int>(max_batches));
    }
}

TEST(BatchPipeline, AnErrorInAnyStageStopsAll) {
  for (const std::size_t n_threads : {1, 3})
    for (int stage = 0; stage < 3; ++stage) {
      Trial run;
      EXPECT_THROW(run.go(n_threads, 4, 40, stage), std::runtime_error);
      EXPECT_LE(run.written.size(), 40U);
      EXPECT_LE(run.n_read, 50);
    }
}

TEST(BatchPipeline, WorksInsideATaskOfThePoolAndWithoutOne) {
  ThreadPool pool(2);
  Context context;
  context.pool = &pool;
  context.n_threads = 2;
  std::atomic<int> sum{0};
  const auto run = [&](const Context& in) {
    int n = 0;
    BatchPipeline<int, int> batches;
    batches.read = [&]() -> std::optional<int> { return n < 10 ? std::optional(n++) : std::nullopt; };
    batches.work = [](int i) { return i; };
    batches.write = [&](int i) { sum += i; };
    batches.run(in);
  };
  pool.for_each(4, 2, [&](std::size_t) { run(context); });
  run(Context{});
  EXPECT_EQ(sum, 5 * 45);
}

}  // namespace
}  // namespace kolosal::service
