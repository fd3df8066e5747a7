#include "kolosal/automl/memory_need.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/automl/affordable_rows.hpp"
#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::automl {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMB = 1'000'000;

RunOptions trials() {
  RunOptions out;
  out.n_trials = 1;
  return out;
}

Context limited_to(std::size_t bytes) {
  Context out;
  out.memory_limit_bytes = bytes;
  return out;
}

TEST(MemoryNeedTest, SharesAddUpToTheLimit) {
  const MemoryShares some = share_memory(512 * kMB, 100 * kMB);
  EXPECT_LT(some.cache + some.fits, 412 * kMB);
  EXPECT_GT(some.cache + some.fits, 300 * kMB);
  const MemoryShares none = share_memory(100 * kMB, 200 * kMB);
  EXPECT_EQ(none.cache + none.fits, 0U);
}

TEST(MemoryNeedTest, WhatDoesNotFitIsDrawnFromAndTold) {
  const data::Frame table = made_table(data::Task::kBinary, 400'000);
  std::vector<std::string> notes;
  const auto drawn = affordable_rows(table, trials(), limited_to(110 * kMB),
                                     [&](const Event& event) { notes.push_back(event.message); });
  EXPECT_LT(drawn.n_rows(), table.n_rows());
  EXPECT_GT(drawn.n_rows(), table.n_rows() / 20);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes.front(), HasSubstr("the memory is short for this table"));
  const std::size_t fits = share_memory(110 * kMB, drawn.n_bytes()).fits;
  EXPECT_LE(expected_bytes({.estimator = "lightgbm", .view = "native"}, drawn.n_rows() * drawn.n_columns()),
            fits - share_of_paused(fits));

  EXPECT_EQ(affordable_rows(table, trials(), limited_to(2000 * kMB), {}).n_rows(), table.n_rows());
  EXPECT_ERROR(affordable_rows(table, trials(), limited_to(10 * kMB), {}), kMemory,
               HasSubstr("--memory-limit"));
}

TEST(MemoryNeedTest, APausedBoosterHoldsMoreTheMoreTreesLeavesAndClassesThereAre) {
  const data::Frame x = made_table(data::Task::kBinary, 700);
  const Candidate small{.estimator = "lightgbm", .params = {{"num_leaves", std::int64_t{15}}}};
  const Candidate deep{.estimator = "lightgbm", .params = {{"num_leaves", std::int64_t{255}}}};
  EXPECT_LT(paused_bytes(small, 100, x, 1), 4 * kMB);
  EXPECT_GT(paused_bytes(deep, 100, x, 1), 4 * paused_bytes(small, 100, x, 1));
  EXPECT_GT(paused_bytes(deep, 200, x, 19), 10 * paused_bytes(deep, 200, x, 1));
  EXPECT_GT(paused_bytes(deep, 100, x, 19), 50 * kMB);  // 1,900 trees that are 255 leaves long
}

TEST(MemoryNeedTest, BoostersFallBackToTheColumnsAsTheyAre) {
  std::vector<Candidate> entries = {
      {.label = "deep", .estimator = "lightgbm", .params = {}, .view = "encoded_pairs"},
      {.label = "the same", .estimator = "lightgbm", .params = {}, .view = "pairs"},
      {.label = "linear", .estimator = "ridge", .params = {}, .view = "linear"}};
  auto roomy = entries;
  keep_within(roomy, 1000, kMB);
  EXPECT_EQ(roomy.size(), 3U);
  EXPECT_EQ(roomy.front().view, "encoded_pairs");
  keep_within(entries, kMB, 17 * kMB);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries.front().view, "native");
  EXPECT_EQ(entries.back().label, "linear");
}

}  // namespace
}  // namespace kolosal::automl
