#include "kolosal/infer/serving/result_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <latch>
#include <thread>

#include "kolosal/core/testing/fake_clock.hpp"
#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::infer {
namespace {

using ::testing::HasSubstr;

/// The sum of the numbers of a row and the lengths of its texts.
class SumModel final : public BatchModel {
 public:
  std::span<const data::Field> fields() const override { return fields_; }
  std::size_t n_outputs() const override { return 1; }
  std::size_t bytes_per_row() const override { return 100; }
  void predict(std::span<const BatchRows> parts) const override {
    ++n_calls;
    if (gate) gate->wait();
    for (const BatchRows& part : parts)
      for (std::size_t r = 0; r < part.n_rows; ++r) {
        const data::RowCell& number = part.cells[2 * r];
        if (number.number < 0) throw Error(ErrorCode::kData, "a number is below 0: {}", number.number);
        part.out[r] = number.number + static_cast<double>(part.cells[2 * r + 1].n);
      }
  }
  std::latch* gate = nullptr;
  mutable std::atomic<int> n_calls{0};

 private:
  std::vector<data::Field> fields_{{.name = "x"}, {.name = "t", .type = data::ColumnType::kText}};
};

struct Row {
  Row(double number, std::string_view text) : cells(2) {
    cells[0].number = number;
    cells[1].bytes = text.data();
    cells[1].n = static_cast<std::uint32_t>(text.size());
  }
  BatchRows rows() { return {cells, 1, std::span(&out, 1)}; }
  std::vector<data::RowCell> cells;
  double out = -1;
};

class ResultCacheTest : public ::testing::Test {
 protected:
  double ask(ResultCache& cache, double number, std::string_view text,
             std::shared_ptr<const BatchModel> model = {}) {
    Row row(number, text);
    EXPECT_EQ(cache.predict(batcher_, lane_, {model ? model : model_, row.rows()}), BatchStatus::kDone);
    return row.out;
  }
  DynamicBatcher batcher_{{.max_running = 4}};
  BatchLane& lane_ = batcher_.lane("m");
  std::shared_ptr<SumModel> model_ = std::make_shared<SumModel>();
};

TEST_F(ResultCacheTest, ComputesAnInputOnce) {
  ResultCache cache;
  EXPECT_EQ(ask(cache, 1, "abc"), 4);
  EXPECT_EQ(ask(cache, 1, std::string("abc")), 4);  // other memory, the same text
  EXPECT_EQ(model_->n_calls, 1);
  EXPECT_EQ(ask(cache, 2, "abc"), 5);
  EXPECT_EQ(ask(cache, 1, "abcd"), 5);
  EXPECT_EQ(model_->n_calls, 3);
  const ResultCacheCounters counters = cache.counters();
  EXPECT_EQ(counters.n_hits, 1U);
  EXPECT_EQ(counters.n_computed, 3U);
  EXPECT_EQ(counters.entries, 3U);
  EXPECT_GT(counters.bytes, 3U * 8);
  cache.clear();
  EXPECT_EQ(ask(cache, 1, "abc"), 4);
  EXPECT_EQ(model_->n_calls, 4);
}

TEST_F(ResultCacheTest, RoomOfAnotherSizeIsRefusedForAKeptResultToo) {
  ResultCache cache;
  ask(cache, 1, "a");
  Row row(1, "a");
  const BatchRequest request{model_, {row.cells, 1, {}}};
  EXPECT_ERROR(cache.predict(batcher_, lane_, request), kInvalidParameter, ::testing::HasSubstr("room"));
}

TEST_F(ResultCacheTest, AnotherVersionComputesForItself) {
  ResultCache cache;
  ask(cache, 1, "a");
  const auto other = std::make_shared<SumModel>();
  ask(cache, 1, "a", other);
  EXPECT_EQ(other->n_calls, 1);
}

TEST_F(ResultCacheTest, KeysAreTheSameForTheSameInputOnly) {
  const auto key = [&](double number, std::string_view text, bool is_missing = false) {
    Row row(number, text);
    row.cells[1].is_missing = is_missing;
    std::string out;
    append_result_key(*model_, row.rows(), out);
    return out;
  };
  EXPECT_EQ(key(std::nan("1"), "a"), key(-std::nan("2"), "a"));
  EXPECT_EQ(key(1, "a", true), key(1, "b", true));
  EXPECT_NE(key(1, "", true), key(1, ""));
  EXPECT_NE(key(0.0, "a"), key(-0.0, "a"));  // 1 / x may differ
  EXPECT_NE(key(1, "ab"), key(1, "a"));
  EXPECT_NE(key(1, std::string_view("a\0", 2)), key(1, "a"));
}

TEST_F(ResultCacheTest, IsBoundedAndForgetsWithTime) {
  FakeClock clock;
  ResultCache cache({.max_bytes = 2'000, .ttl_s = 60, .n_shards = 1, .clock = &clock});
  for (int i = 0; i < 100; ++i) ask(cache, i, "text");
  EXPECT_LE(cache.counters().bytes, 2'000U);
  EXPECT_GT(cache.counters().evictions, 80U);
  ask(cache, 99, "text");
  EXPECT_EQ(cache.counters().n_hits, 1U);
  clock.advance(60);
  ask(cache, 99, "text");
  EXPECT_EQ(cache.counters().n_hits, 1U);
}

TEST_F(ResultCacheTest, TheSameInputInFlightIsComputedOnceAlsoWhereNothingIsKept) {
  ResultCache cache({.max_bytes = 0});
  std::latch open(1);
  model_->gate = &open;
  std::vector<std::jthread> threads;
  std::atomic<int> n_right{0};
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { n_right += ask(cache, 3, "ab") == 5; });
  while (model_->n_calls == 0) std::this_thread::yield();
  open.count_down();
  threads.clear();
  EXPECT_EQ(n_right, 8);
  const ResultCacheCounters counters = cache.counters();
  EXPECT_EQ(counters.entries, 0U);
  // Threads that came after the result was there computed it again.
  EXPECT_EQ(counters.n_computed, static_cast<std::uint64_t>(model_->n_calls));
  EXPECT_EQ(counters.n_computed + counters.n_joined, 8U);
}

TEST_F(ResultCacheTest, WhatFailsIsNotKept) {
  ResultCache cache;
  Row row(-1, "a");
  EXPECT_ERROR(cache.predict(batcher_, lane_, {model_, row.rows()}), kData, HasSubstr("below 0"));
  EXPECT_ERROR(cache.predict(batcher_, lane_, {model_, row.rows()}), kData, HasSubstr("below 0"));
  CancelToken cancel;
  cancel.cancel();
  Row good(1, "a");
  EXPECT_EQ(cache.predict(batcher_, lane_, {model_, good.rows(), BatchPriority::kNormal, {}, &cancel}),
            BatchStatus::kCancelled);
  EXPECT_EQ(cache.counters().entries, 0U);
  EXPECT_EQ(ask(cache, 1, "a"), 2);
}

TEST_F(ResultCacheTest, ManyThreadsGetTheirOwnResults) {
  ResultCache cache({.max_bytes = 4'000});
  std::atomic<int> n_wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 16; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          const int number = (i * (t + 1)) % 40;
          n_wrong += ask(cache, number, "xyz") != number + 3;
        }
      });
  }
  EXPECT_EQ(n_wrong, 0);
  const ResultCacheCounters counters = cache.counters();
  EXPECT_EQ(counters.n_hits + counters.n_joined + counters.n_computed, 16U * 200);
}

}  // namespace
}  // namespace kolosal::infer
