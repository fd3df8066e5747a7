#include "kolosal/infer/serving/dynamic_batcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <latch>
#include <optional>
#include <thread>

#include "kolosal/core/testing/fake_clock.hpp"
#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::infer {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

/// The prediction of a row is its number times a factor. It remembers what it computed, takes time by a fake
/// clock, and throws for negative numbers.
class TimesModel final : public BatchModel {
 public:
  explicit TimesModel(double factor, FakeClock* clock = nullptr, double row_s = 0)
      : factor_(factor), clock_(clock), row_s_(row_s) {}

  std::span<const data::Field> fields() const override { return fields_; }
  std::size_t n_outputs() const override { return 1; }
  std::size_t bytes_per_row() const override { return 100; }
  void predict(std::span<const BatchRows> parts) const override {
    if (gate) {
      n_at_gate.fetch_add(1);
      gate->wait();
    }
    std::vector<double> batch;
    for (const BatchRows& part : parts)
      for (std::size_t r = 0; r < part.n_rows; ++r) {
        if (part.cells[r].number < 0)
          throw Error(ErrorCode::kData, "a number is below 0: {}", part.cells[r].number);
        part.out[r] = factor_ * part.cells[r].number;
        batch.push_back(part.cells[r].number);
      }
    if (clock_) clock_->advance(row_s_ * static_cast<double>(batch.size()));
    const std::lock_guard lock(mutex_);
    batches_.push_back(std::move(batch));
  }

  std::vector<std::vector<double>> batches() const {
    const std::lock_guard lock(mutex_);
    return batches_;
  }
  std::vector<std::size_t> sizes() const {
    std::vector<std::size_t> out;
    for (const auto& batch : batches()) out.push_back(batch.size());
    return out;
  }

  std::latch* gate = nullptr;  // a batch begins when it opens
  mutable std::atomic<int> n_at_gate{0};

 private:
  std::vector<data::Field> fields_{{.name = "x"}};
  double factor_;
  FakeClock* clock_;
  double row_s_;
  mutable std::mutex mutex_;
  mutable std::vector<std::vector<double>> batches_;
};

/// Rows, where their predictions go, and how the call ended.
struct Asked {
  explicit Asked(std::vector<double> numbers) : cells(numbers.size()), out(numbers.size(), -1.0) {
    for (std::size_t i = 0; i < numbers.size(); ++i) cells[i].number = numbers[i];
  }
  BatchRows rows() { return {cells, out.size(), out}; }
  std::vector<data::RowCell> cells;
  std::vector<double> out;
};

class DynamicBatcherTest : public ::testing::Test {
 protected:
  BatchStatus submit(DynamicBatcher& batcher, BatchLane& lane, std::shared_ptr<const BatchModel> model,
                     std::vector<double> numbers, BatchPriority priority = BatchPriority::kNormal,
                     Deadline deadline = {}, const CancelToken* cancel = nullptr) {
    asked_.emplace_back(std::move(numbers));
    calls_.emplace_back(BatchRequest{std::move(model), asked_.back().rows(), priority, deadline, cancel},
                        [this](BatchCall&) { ++n_ended_; });
    return batcher.submit(lane, calls_.back());
  }
  std::vector<BatchStatus> statuses() const {
    std::vector<BatchStatus> out;
    for (const BatchCall& call : calls_) out.push_back(call.status());
    return out;
  }

  FakeClock clock_;
  std::deque<Asked> asked_;
  std::deque<BatchCall> calls_;
  int n_ended_ = 0;
};

TEST_F(DynamicBatcherTest, ALoneCallIsComputedAtOnceByItsThread) {
  DynamicBatcher batcher({.max_delay_s = 1, .clock = &clock_});  // a wait would never end
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(2, &clock_, 1e-3);
  for (int i = 0; i < 3; ++i) {
    Asked asked({3});
    EXPECT_EQ(batcher.predict(lane, {model, asked.rows()}), BatchStatus::kDone);
    EXPECT_THAT(asked.out, ElementsAre(6));
  }
  const BatcherStatistics statistics = batcher.statistics(lane);
  EXPECT_EQ(statistics.n_done, 3U);
  EXPECT_EQ(statistics.n_batches, 3U);
  EXPECT_EQ(statistics.wait_p99_s, 0);
  EXPECT_NEAR(statistics.latency_p50_s, 1e-3, 4e-5);
  EXPECT_NEAR(batcher.curve(lane).seconds_per_row(1), 1e-3, 1e-9);
}

TEST_F(DynamicBatcherTest, WhatWaitsIsComputedTogether) {
  DynamicBatcher batcher({.clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(2);
  for (const double x : {1, 2, 3}) EXPECT_EQ(submit(batcher, lane, model, {x, x}), BatchStatus::kWaiting);
  EXPECT_EQ(batcher.statistics(lane).queued_calls, 3U);
  EXPECT_EQ(batcher.statistics(lane).queued_rows, 6U);
  EXPECT_EQ(batcher.run_pending(), 3U);
  EXPECT_EQ(n_ended_, 3);
  EXPECT_THAT(model->batches(), ElementsAre(ElementsAre(1, 1, 2, 2, 3, 3)));
  EXPECT_THAT(asked_[2].out, ElementsAre(6, 6));
  EXPECT_THAT(statuses(), Each(BatchStatus::kDone));
  EXPECT_EQ(batcher.statistics(lane).queued_rows, 0U);
  EXPECT_EQ(batcher.run_pending(), 0U);
}

TEST_F(DynamicBatcherTest, UrgentCallsGoFirst) {
  DynamicBatcher batcher({.max_batch_rows = 1, .clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(1);
  submit(batcher, lane, model, {1}, BatchPriority::kLow);
  submit(batcher, lane, model, {2}, BatchPriority::kNormal);
  submit(batcher, lane, model, {3}, BatchPriority::kCritical);
  submit(batcher, lane, model, {4}, BatchPriority::kHigh);
  submit(batcher, lane, model, {5}, BatchPriority::kCritical);
  batcher.run_pending();
  EXPECT_THAT(model->batches(),
              ElementsAre(ElementsAre(3), ElementsAre(5), ElementsAre(4), ElementsAre(2), ElementsAre(1)));
}

TEST_F(DynamicBatcherTest, ACallThatHasWaitedRisesAndIsNotStarved) {
  DynamicBatcher batcher({.max_batch_rows = 1, .patience_s = 0.1, .clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(1);
  submit(batcher, lane, model, {1}, BatchPriority::kLow);
  clock_.advance(0.25);  // two levels: now as one of high priority, but older
  submit(batcher, batcher.lane("other"), model, {2}, BatchPriority::kNormal);
  submit(batcher, batcher.lane("other"), model, {3}, BatchPriority::kCritical);
  batcher.run_pending();
  EXPECT_THAT(model->batches(), ElementsAre(ElementsAre(3), ElementsAre(1), ElementsAre(2)));
}

TEST_F(DynamicBatcherTest, LanesShareTheTimeByTheirWeights) {
  DynamicBatcher batcher({.max_batch_rows = 1, .patience_s = 1e9, .clock = &clock_});
  BatchLane& heavy = batcher.lane("heavy", 2);
  BatchLane& light = batcher.lane("light", 1);
  const auto slow = std::make_shared<TimesModel>(1, &clock_, 4e-3);
  const auto quick = std::make_shared<TimesModel>(1, &clock_, 1e-3);
  for (int i = 0; i < 300; ++i) {
    submit(batcher, heavy, slow, {1});
    submit(batcher, light, quick, {1});
  }
  // When the lane of quick calls has none left: both have had their share of the seconds.
  std::size_t n_slow = 0;
  Asked last({7});
  BatchCall call({quick, last.rows()}, [&](BatchCall&) { n_slow = slow->batches().size(); });
  batcher.submit(light, call);
  batcher.run_pending();
  EXPECT_NEAR(4e-3 * static_cast<double>(n_slow), 2 * 1e-3 * 301, 12e-3);
}

TEST_F(DynamicBatcherTest, UrgentCallsComeBetweenThePartsOfALargeOne) {
  DynamicBatcher batcher({.max_batch_rows = 10, .clock = &clock_});
  const auto model = std::make_shared<TimesModel>(1);
  BatchLane& lane = batcher.lane("m");
  Asked urgent({9});
  BatchCall urgent_call({model, urgent.rows(), BatchPriority::kCritical}, [](BatchCall&) {});
  Asked small({5});
  BatchCall small_call({model, small.rows(), BatchPriority::kHigh},
                       [&](BatchCall&) { batcher.submit(lane, urgent_call); });
  submit(batcher, lane, model, std::vector<double>(25, 1));
  batcher.submit(lane, small_call);
  batcher.run_pending();
  ASSERT_EQ(model->batches().size(), 3U);
  EXPECT_EQ(model->batches()[1][0], 9);
  EXPECT_EQ(calls_[0].status(), BatchStatus::kDone);
}

TEST_F(DynamicBatcherTest, ALaneThatWasIdleDoesNotKeepOthersOut) {
  DynamicBatcher batcher({.max_batch_rows = 1, .patience_s = 1e9, .clock = &clock_});
  const auto model = std::make_shared<TimesModel>(1, &clock_, 1e-3);
  BatchLane& busy = batcher.lane("busy");
  BatchLane& idle = batcher.lane("idle");
  for (int i = 0; i < 100; ++i) submit(batcher, busy, model, {0});
  batcher.run_pending();
  for (int i = 0; i < 3; ++i) submit(batcher, idle, model, {1});
  for (int i = 0; i < 3; ++i) submit(batcher, busy, model, {0});
  batcher.run_pending();
  const auto batches = model->batches();
  // In turns, and not all of the lane that had nothing before.
  EXPECT_EQ(batches[100][0] + batches[101][0], 1);
  EXPECT_EQ(batches[102][0] + batches[103][0], 1);
}

TEST_F(DynamicBatcherTest, WhatIsLateOrCancelledIsNotComputed) {
  DynamicBatcher batcher({.clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(1);
  CancelToken cancel, other;
  submit(batcher, lane, model, {1}, BatchPriority::kNormal, Deadline(clock_, 0.5));
  submit(batcher, lane, model, {2}, BatchPriority::kNormal, {}, &cancel);
  submit(batcher, lane, model, {3}, BatchPriority::kNormal, Deadline(clock_, 2), &other);
  clock_.advance(1);
  cancel.cancel();
  EXPECT_EQ(batcher.run_pending(), 3U);
  EXPECT_THAT(model->batches(), ElementsAre(ElementsAre(3)));
  EXPECT_THAT(statuses(),
              ElementsAre(BatchStatus::kDeadlinePassed, BatchStatus::kCancelled, BatchStatus::kDone));
  EXPECT_THAT(asked_[0].out, ElementsAre(-1));
  // Those that come too late are told so at once.
  EXPECT_EQ(submit(batcher, lane, model, {4}, BatchPriority::kNormal, Deadline(clock_, 0.5)),
            BatchStatus::kDeadlinePassed);
  Asked asked({5});
  EXPECT_EQ(batcher.predict(lane, {model, asked.rows(), BatchPriority::kHigh, {}, &cancel}),
            BatchStatus::kCancelled);
  EXPECT_EQ(n_ended_, 3);
  EXPECT_EQ(batcher.statistics(lane).n_late, 2U);
  EXPECT_EQ(batcher.statistics(lane).n_cancelled, 2U);
}

TEST_F(DynamicBatcherTest, AFullQueueRefusesAndUrgentCallsTakeThePlaceOfOthers) {
  DynamicBatcher batcher({.max_queued_calls = 3, .clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(1);
  submit(batcher, lane, model, {1}, BatchPriority::kLow);
  submit(batcher, lane, model, {2}, BatchPriority::kNormal);
  submit(batcher, lane, model, {3}, BatchPriority::kLow);
  EXPECT_EQ(submit(batcher, lane, model, {4}, BatchPriority::kLow), BatchStatus::kQueueFull);
  EXPECT_EQ(submit(batcher, lane, model, {5}, BatchPriority::kHigh), BatchStatus::kWaiting);
  EXPECT_THAT(statuses(), ElementsAre(BatchStatus::kWaiting, BatchStatus::kWaiting, BatchStatus::kQueueFull,
                                      BatchStatus::kQueueFull, BatchStatus::kWaiting));
  // Another lane has room of its own.
  EXPECT_EQ(submit(batcher, batcher.lane("other"), model, {6}), BatchStatus::kWaiting);
  batcher.run_pending();
  EXPECT_EQ(batcher.statistics(lane).n_refused, 2U);
  EXPECT_EQ(batcher.statistics(lane).n_done, 3U);
}

TEST_F(DynamicBatcherTest, LateCallsMakeRoomInAFullQueue) {
  DynamicBatcher batcher({.max_queued_rows = 4, .clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(1);
  submit(batcher, lane, model, {1, 1});
  submit(batcher, lane, model, {2, 2}, BatchPriority::kNormal, Deadline(clock_, 1));
  EXPECT_EQ(submit(batcher, lane, model, {3}), BatchStatus::kQueueFull);
  clock_.advance(1);
  EXPECT_EQ(submit(batcher, lane, model, {4}), BatchStatus::kWaiting);
  EXPECT_EQ(calls_[1].status(), BatchStatus::kDeadlinePassed);
  batcher.run_pending();
  EXPECT_THAT(model->batches(), ElementsAre(ElementsAre(1, 1, 4)));
}

TEST_F(DynamicBatcherTest, ALargeCallIsCutToTheMemoryThatThereIs) {
  DynamicBatcher batcher({.memory_limit_bytes = 1'000, .clock = &clock_});  // ten rows of 100 bytes
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(3);
  std::vector<double> numbers(25, 1);
  submit(batcher, lane, model, numbers);
  submit(batcher, lane, model, {5}, BatchPriority::kHigh);
  batcher.run_pending();
  EXPECT_THAT(model->sizes(), ElementsAre(10, 10, 6));
  EXPECT_EQ(model->batches()[0][0], 5);
  EXPECT_THAT(asked_[0].out, Each(3));
  EXPECT_EQ(calls_[0].status(), BatchStatus::kDone);
  EXPECT_EQ(batcher.statistics(lane).n_batches, 3U);
  // Alone, by the thread that calls.
  Asked alone(numbers);
  EXPECT_EQ(batcher.predict(lane, {model, alone.rows()}), BatchStatus::kDone);
  EXPECT_THAT(alone.out, Each(3));
  EXPECT_EQ(model->sizes().size(), 6U);
}

TEST_F(DynamicBatcherTest, BatchesAreAsLargeAsTheMeasuredCostsAllow) {
  DynamicBatcher batcher({.max_batch_s = 10e-3, .clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(1, &clock_, 1e-3);
  submit(batcher, lane, model, std::vector<double>(100, 1));
  batcher.run_pending();
  // The first before anything is known; then what takes 10 ms.
  EXPECT_THAT(model->sizes(), ElementsAre(64, 10, 10, 10, 6));
}

TEST_F(DynamicBatcherTest, OnlyTheCallAtFaultFails) {
  DynamicBatcher batcher({.clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(2);
  submit(batcher, lane, model, {1});
  submit(batcher, lane, model, {2, -3});
  submit(batcher, lane, model, {4});
  batcher.run_pending();
  EXPECT_THAT(statuses(), ElementsAre(BatchStatus::kDone, BatchStatus::kFailed, BatchStatus::kDone));
  EXPECT_EQ(asked_[2].out[0], 8);
  EXPECT_ERROR(std::rethrow_exception(calls_[1].error()), kData, HasSubstr("-3"));
  Asked asked({-1});
  EXPECT_ERROR(batcher.predict(lane, {model, asked.rows()}), kData, HasSubstr("below 0"));
  EXPECT_EQ(batcher.statistics(lane).n_failed, 2U);
  asked.cells[0].number = 1;  // and the next one is served
  EXPECT_EQ(batcher.predict(lane, {model, asked.rows()}), BatchStatus::kDone);
}

TEST_F(DynamicBatcherTest, ALargeCallThatFailsEndsOnce) {
  DynamicBatcher batcher({.max_batch_rows = 2, .clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(1);
  submit(batcher, lane, model, {1, 2, 3, -4, 5, 6, 7});
  submit(batcher, lane, model, {8});
  batcher.run_pending();
  EXPECT_EQ(n_ended_, 2);
  EXPECT_THAT(statuses(), ElementsAre(BatchStatus::kFailed, BatchStatus::kDone));
  EXPECT_THAT(model->batches(), ElementsAre(ElementsAre(1, 2), ElementsAre(8)));
  EXPECT_EQ(batcher.statistics(lane).queued_rows, 0U);
}

TEST_F(DynamicBatcherTest, VersionsOfAModelAreNotMixed) {
  DynamicBatcher batcher({.clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto old = std::make_shared<TimesModel>(2), fresh = std::make_shared<TimesModel>(10);
  submit(batcher, lane, old, {1});
  submit(batcher, lane, old, {2});
  submit(batcher, lane, fresh, {3});
  batcher.run_pending();
  EXPECT_EQ(asked_[0].out[0], 2);
  EXPECT_EQ(asked_[1].out[0], 4);
  EXPECT_EQ(asked_[2].out[0], 30);
  EXPECT_THAT(old->sizes(), ElementsAre(2));
  EXPECT_EQ(old.use_count(), 1);  // nobody holds the version that was replaced
}

TEST_F(DynamicBatcherTest, CallsThatComeOftenWaitForEachOtherUpToTheDelay) {
  DynamicBatcher batcher({.max_delay_s = 10e-3, .clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(1);
  clock_.advance(1e5);  // what was before the first call does not count
  submit(batcher, lane, model, {1});
  clock_.advance(1e-3);
  submit(batcher, lane, model, {2});
  EXPECT_EQ(batcher.run_pending(), 0U);  // the next is expected within a millisecond
  clock_.advance(1e-3);
  submit(batcher, lane, model, {3});
  EXPECT_EQ(batcher.run_pending(), 0U);
  clock_.advance(8.1e-3);
  EXPECT_EQ(batcher.run_pending(), 3U);  // the first has waited for 10 ms
  EXPECT_THAT(model->sizes(), ElementsAre(3));
  // Where calls are rare, none waits for the next.
  for (int i = 0; i < 20; ++i) {
    clock_.advance(1);
    submit(batcher, lane, model, {4});
    batcher.run_pending();
  }
  clock_.advance(1);
  submit(batcher, lane, model, {5});
  EXPECT_EQ(batcher.run_pending(), 1U);
  // Nor does a full batch, or a critical call.
  for (int i = 0; i < 100; ++i) submit(batcher, lane, model, {6});
  EXPECT_GT(batcher.run_pending(), 50U);
}

TEST_F(DynamicBatcherTest, WrongSizesAreRefused) {
  DynamicBatcher batcher;
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(1);
  Asked asked({1, 2});
  BatchRequest request{model, asked.rows()};
  request.rows.n_rows = 3;
  EXPECT_ERROR(batcher.predict(lane, request), kInvalidParameter,
               HasSubstr("3 rows of 1 fields are 3 cells, not 2"));
  request.rows.n_rows = 2;
  request.rows.out = request.rows.out.first(1);
  EXPECT_ERROR(batcher.predict(lane, request), kInvalidParameter, HasSubstr("need room for 2, not 1"));
  EXPECT_EQ(batcher.predict(lane, {model, {}}), BatchStatus::kDone);  // no rows
  EXPECT_ERROR(batcher.lane("m", 0), kInvalidParameter, HasSubstr("weight"));
  EXPECT_EQ(&batcher.lane("m"), &lane);
  EXPECT_EQ(batch_status_name(BatchStatus::kQueueFull), "queue_full");
}

TEST_F(DynamicBatcherTest, ShutdownEndsWhatWaits) {
  DynamicBatcher batcher({.clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(1);
  submit(batcher, lane, model, {1});
  batcher.shutdown();
  EXPECT_EQ(n_ended_, 1);
  EXPECT_EQ(calls_[0].status(), BatchStatus::kShutDown);
  EXPECT_EQ(submit(batcher, lane, model, {1}), BatchStatus::kShutDown);
  Asked asked({1});
  EXPECT_EQ(batcher.predict(lane, {model, asked.rows()}), BatchStatus::kShutDown);
  EXPECT_TRUE(model->batches().empty());
}

// ---- threads --------------------------------------------------------------------------------------------

/// Waits until something that other threads bring about is so.
template <typename Condition>
void until(const Condition& condition) {
  while (!condition()) std::this_thread::yield();
}

TEST_F(DynamicBatcherTest, CallersThatComeWhileABatchRunsShareTheNext) {
  DynamicBatcher batcher({.max_running = 1, .max_batch_s = 1e9, .handover_s = 0});
  BatchLane& lane = batcher.lane("m");
  std::latch open(1);
  const auto model = std::make_shared<TimesModel>(2);
  model->gate = &open;
  std::vector<std::jthread> threads;
  std::atomic<int> n_right{0};
  const auto call = [&](double x) {
    Asked asked({x});
    if (batcher.predict(lane, {model, asked.rows()}) == BatchStatus::kDone && asked.out[0] == 2 * x)
      ++n_right;
  };
  threads.emplace_back(call, 100);
  until([&] { return model->n_at_gate == 1; });
  for (int i = 0; i < 8; ++i) threads.emplace_back(call, i);
  until([&] { return batcher.statistics(lane).queued_calls == 8; });
  open.count_down();
  threads.clear();
  EXPECT_EQ(n_right, 9);
  EXPECT_THAT(model->sizes(), ElementsAre(1, 8));
  EXPECT_EQ(batcher.statistics(lane).rows_per_batch, 4.5);
  EXPECT_EQ(batcher.statistics(lane).occupancy, 8.0 / 64);
}

TEST_F(DynamicBatcherTest, WhereBatchesSaveNothingCallersDoNotWaitForEachOther) {
  DynamicBatcher batcher({.max_running = 1, .handover_s = 1, .clock = &clock_});
  BatchLane& lane = batcher.lane("m");
  const auto quick = std::make_shared<TimesModel>(2, &clock_, 1e-6);
  Asked asked({1});
  batcher.predict(lane, {quick, asked.rows()});
  std::latch open(1);
  const auto model = std::make_shared<TimesModel>(2);
  model->gate = &open;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      Asked mine({1});
      batcher.predict(lane, {model, mine.rows()});
    });
  until([&] { return model->n_at_gate == 4; });  // all compute at the same time
  open.count_down();
  threads.clear();
  EXPECT_THAT(model->sizes(), ElementsAre(1, 1, 1, 1));
}

TEST_F(DynamicBatcherTest, AFullQueueRefusesCallersAtOnce) {
  DynamicBatcher batcher({.max_running = 1, .max_queued_calls = 2, .handover_s = 0});
  BatchLane& lane = batcher.lane("m");
  std::latch open(1);
  const auto model = std::make_shared<TimesModel>(1);
  model->gate = &open;
  std::vector<std::jthread> threads;
  std::atomic<int> n_done{0};
  const auto call = [&] {
    Asked asked({1});
    n_done += batcher.predict(lane, {model, asked.rows()}) == BatchStatus::kDone;
  };
  threads.emplace_back(call);
  until([&] { return model->n_at_gate == 1; });
  for (int i = 0; i < 2; ++i) threads.emplace_back(call);
  until([&] { return batcher.statistics(lane).queued_calls == 2; });
  Asked asked({1});
  EXPECT_EQ(batcher.predict(lane, {model, asked.rows()}), BatchStatus::kQueueFull);
  open.count_down();
  threads.clear();
  EXPECT_EQ(n_done, 3);
}

TEST_F(DynamicBatcherTest, ShutdownWaitsForWhatRunsAndFreesThoseWhoWait) {
  DynamicBatcher batcher({.max_running = 1, .handover_s = 0});
  BatchLane& lane = batcher.lane("m");
  std::latch open(1);
  const auto model = std::make_shared<TimesModel>(1);
  model->gate = &open;
  std::atomic<int> n_done{0}, n_shut{0};
  std::vector<std::jthread> threads;
  const auto call = [&] {
    Asked asked({1});
    const BatchStatus status = batcher.predict(lane, {model, asked.rows()});
    n_done += status == BatchStatus::kDone;
    n_shut += status == BatchStatus::kShutDown;
  };
  threads.emplace_back(call);
  until([&] { return model->n_at_gate == 1; });
  for (int i = 0; i < 5; ++i) threads.emplace_back(call);
  until([&] { return batcher.statistics(lane).queued_calls == 5; });
  std::jthread stops([&] { batcher.shutdown(); });
  until([&] { return n_shut == 5; });
  EXPECT_EQ(n_done, 0);
  open.count_down();
  stops.join();
  threads.clear();
  EXPECT_EQ(n_done, 1);
}

/// How many batches are computed at the same time, at most; a batch of the number 1 waits a moment for
/// others.
class CountingModel final : public BatchModel {
 public:
  std::span<const data::Field> fields() const override { return fields_; }
  std::size_t n_outputs() const override { return 1; }
  std::size_t bytes_per_row() const override { return 100; }
  void predict(std::span<const BatchRows> parts) const override {
    const int n = ++n_inside_;
    for (int most = n_most; n > most && !n_most.compare_exchange_weak(most, n);) {
    }
    if (on_predict) on_predict();
    for (const BatchRows& part : parts) std::ranges::fill(part.out, 5.0);
    --n_inside_;
  }
  std::function<void()> on_predict;
  mutable std::atomic<int> n_most{0};

 private:
  std::vector<data::Field> fields_{{.name = "x"}};
  mutable std::atomic<int> n_inside_{0};
};

TEST_F(DynamicBatcherTest, SubmittedCallsKeepToTheLimitOfBatchesAtATime) {
  DynamicBatcher batcher({.max_running = 1, .handover_s = 0});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<CountingModel>();
  std::atomic<bool> is_asked = false;
  std::optional<std::jthread> other;
  std::size_t n_by_other = 0;
  ASSERT_EQ(submit(batcher, lane, model, {1}), BatchStatus::kWaiting);
  model->on_predict = [&] {
    if (is_asked.exchange(true)) return;
    submit(batcher, lane, model, {2});
    std::atomic<bool> is_there = false;
    other.emplace([&] {
      is_there = true;
      n_by_other = batcher.run_pending();
    });
    until([&] { return is_there.load(); });
    // Time in which a thread that did not wait would compute.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };
  const std::size_t n_here = batcher.run_pending();
  other->join();
  EXPECT_EQ(n_here + n_by_other, 2U);
  EXPECT_EQ(n_ended_, 2);
  EXPECT_EQ(model->n_most, 1);
}

TEST_F(DynamicBatcherTest, OnEndMayRunWhatIsPending) {
  DynamicBatcher batcher({.max_running = 1, .max_batch_rows = 1, .handover_s = 0});
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(2);
  std::deque<Asked> asked;
  std::deque<BatchCall> calls;
  std::size_t n_nested = 0;
  for (int i = 0; i < 3; ++i) {
    Asked& one = asked.emplace_back(std::vector<double>{1});
    calls.emplace_back(BatchRequest{model, one.rows()},
                       [&](BatchCall&) { n_nested += batcher.run_pending(); });
    ASSERT_EQ(batcher.submit(lane, calls.back()), BatchStatus::kWaiting);
  }
  const std::size_t n_here = batcher.run_pending();
  EXPECT_EQ(n_here + n_nested, 3U);
  EXPECT_EQ(batcher.statistics(lane).n_done, 3U);
}

class DynamicBatcherRaces : public ::testing::TestWithParam<BatcherOptions> {};

TEST_P(DynamicBatcherRaces, EachCallIsAnsweredOnceByTheVersionItWasMadeFor) {
  DynamicBatcher batcher(GetParam());
  std::mutex mutex;
  std::shared_ptr<const TimesModel> current = std::make_shared<TimesModel>(1);
  double factor = 1;
  std::atomic<std::size_t> n_wrong{0}, n_done{0}, n_not_done{0};
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      BatchLane& lane = batcher.lane(t % 4 == 0 ? "a" : "b", 1);
      CancelToken cancel;
      for (std::size_t i = 0; i < 150; ++i) {
        std::shared_ptr<const TimesModel> model;
        double times = 0;
        {
          const std::lock_guard lock(mutex);
          if (i % 25 == 0) current = std::make_shared<TimesModel>(++factor);
          model = current;
          times = factor;
        }
        if (i == 140 && t % 5 == 1) cancel.cancel();
        Asked asked(std::vector<double>(1 + (i * t) % 7, static_cast<double>(i)));
        const auto priority = static_cast<BatchPriority>((i + t) % kBatchPriorities);
        const BatchStatus status = batcher.predict(lane, {model, asked.rows(), priority, {}, &cancel});
        status == BatchStatus::kDone ? ++n_done : ++n_not_done;
        if (status == BatchStatus::kDone)
          for (const double out : asked.out) n_wrong += out != times * static_cast<double>(i);
        if (status != BatchStatus::kDone && status != BatchStatus::kCancelled &&
            status != BatchStatus::kQueueFull)
          ++n_wrong;
      }
    });
  threads.clear();
  EXPECT_EQ(n_wrong, 0U);
  EXPECT_EQ(n_done + n_not_done, 16U * 150);
  const auto a = batcher.statistics(batcher.lane("a")), b = batcher.statistics(batcher.lane("b"));
  EXPECT_EQ(a.n_done + b.n_done, n_done);
  EXPECT_EQ(a.queued_calls + b.queued_calls + a.queued_rows + b.queued_rows, 0U);
}

TEST_P(DynamicBatcherRaces, ShutdownMayComeAtAnyMoment) {
  for (int round = 0; round < 20; ++round) {
    DynamicBatcher batcher(GetParam());
    BatchLane& lane = batcher.lane("m");
    const auto model = std::make_shared<TimesModel>(1);
    std::atomic<int> n_called{0};
    std::atomic<std::size_t> n_wrong{0};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&] {
        for (;;) {
          Asked asked({2});
          const BatchStatus status = batcher.predict(lane, {model, asked.rows()});
          ++n_called;
          if (status == BatchStatus::kShutDown) return;
          n_wrong += status == BatchStatus::kDone && asked.out[0] != 2;
        }
      });
    until([&] { return n_called > 30; });
    batcher.shutdown();
    threads.clear();
    EXPECT_EQ(n_wrong, 0U);
    EXPECT_EQ(batcher.statistics(lane).queued_calls, 0U);
  }
}

TEST_P(DynamicBatcherRaces, NoMoreBatchesAtATimeThanAllowed) {
  BatcherOptions options = GetParam();
  options.handover_s = 0;  // else callers that need not wait are not counted
  DynamicBatcher batcher(options);
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<CountingModel>();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        Asked asked({3});
        batcher.predict(lane, {model, asked.rows()});
      }
    });
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        Asked asked({4});
        std::atomic<bool> has_ended = false;
        BatchCall call(BatchRequest{model, asked.rows()}, [&](BatchCall&) { has_ended = true; });
        if (batcher.submit(lane, call) != BatchStatus::kWaiting) continue;
        while (!has_ended) batcher.run_pending();
      }
    });
  threads.clear();
  EXPECT_LE(static_cast<std::size_t>(model->n_most), options.max_running);
}

TEST_P(DynamicBatcherRaces, FewThreadsMaySubmitForMany) {
  DynamicBatcher batcher(GetParam());
  BatchLane& lane = batcher.lane("m");
  const auto model = std::make_shared<TimesModel>(2);
  std::atomic<std::size_t> n_right{0}, n_ended{0}, n_refused{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        std::deque<Asked> asked;
        std::deque<BatchCall> calls;
        std::atomic<std::size_t> n_mine{0};
        std::size_t n_waiting = 0;
        for (int i = 0; i < 200; ++i) {
          Asked& one = asked.emplace_back(std::vector<double>{static_cast<double>(i)});
          calls.emplace_back(BatchRequest{model, one.rows()}, [&, i](BatchCall& call) {
            n_right += call.status() == BatchStatus::kDone && one.out[0] == 2 * i;
            ++n_ended;
            ++n_mine;
          });
          batcher.submit(lane, calls.back()) == BatchStatus::kWaiting ? ++n_waiting : ++n_refused;
          if (i % 10 == 9) batcher.run_pending();
        }
        while (n_mine < n_waiting) batcher.run_pending();
      });
  }
  EXPECT_EQ(n_ended + n_refused, 800U);
  EXPECT_EQ(n_right, n_ended);
}

INSTANTIATE_TEST_SUITE_P(
    Options, DynamicBatcherRaces,
    ::testing::Values(BatcherOptions{}, BatcherOptions{.max_running = 4, .handover_s = 0},
                      BatcherOptions{.max_running = 1, .max_batch_rows = 5, .handover_s = 0},
                      BatcherOptions{.max_running = 2, .max_delay_s = 20e-6, .handover_s = 0},
                      BatcherOptions{.max_running = 1, .max_queued_calls = 3, .handover_s = 0}));

}  // namespace
}  // namespace kolosal::infer
