#include "kolosal/automl/constraints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "kolosal/automl/run.hpp"
#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/core/thread_pool.hpp"

namespace kolosal::automl {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ConstraintsTest : public testing::Test {
 protected:
  RunOptions trials(std::size_t n) const {
    RunOptions out;
    out.problem.target = "y";
    out.n_trials = n;
    out.output = folder.path() / "model.kolosal";
    return out;
  }
  pipeline::Model model_of(const Frame& table, const RunOptions& options) {
    run(table, options, Context(), {});
    return pipeline::Model::open(options.output);
  }
  TempFolder folder;
};

TEST_F(ConstraintsTest, WithoutAnEnsembleOneFitOfOneLearnerIsLeft) {
  RunOptions options = trials(3);
  options.constraints.ensemble = false;
  const auto model = model_of(made_table(Task::kBinary, 200), options);  // validated by folds
  ASSERT_EQ(model.members.size(), 1U);
  EXPECT_EQ(model.members.front().pipelines.size(), 1U);
}

TEST_F(ConstraintsTest, InterpretableIsOneTreeOrOneLinearModel) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
    RunOptions options = trials(5);
    options.constraints.interpretable = true;
    const RunResult result = run(made_table(task, 200), options, Context(), {});
    EXPECT_EQ(pipeline::Model::open(options.output).members.size(), 1U);
    const std::set<std::string> simple = {"constant",      "ridge", "lasso", "logistic_regression",
                                          "decision_tree", "glm"};
    for (const LeaderboardRow& row : result.leaderboard)
      EXPECT_TRUE(simple.contains(row.estimator)) << row.estimator;
  }
}

TEST_F(ConstraintsTest, AModelFileIsNotLargerThanAllowed) {
  const Frame table = made_table(Task::kBinary, 150);
  RunOptions options = trials(3);
  const auto free_bytes = run(table, options, Context(), {}).model_bytes;
  options.constraints.max_model_bytes = free_bytes * 2 / 3;
  EXPECT_LE(run(table, options, Context(), {}).model_bytes, free_bytes * 2 / 3);
}

TEST_F(ConstraintsTest, ThatNothingButTheBaselineKeepsToTheLimitsIsTold) {
  const Frame table = made_table(Task::kBinary, 150);
  RunOptions options = trials(3);
  for (const auto& info : model::estimators())
    if (info.name != "constant") options.exclude_models.push_back(info.name);
  const auto baseline_bytes = run(table, options, Context(), {}).model_bytes;
  options = trials(3);
  options.constraints.max_model_bytes = baseline_bytes * 11 / 10;
  const RunResult result = run(table, options, Context(), {});
  EXPECT_EQ(result.n_trials, 3U);
  EXPECT_THAT(result.notes, ::testing::Contains(::testing::HasSubstr("no other keeps to the limits")));
}

TEST_F(ConstraintsTest, ALoadedModelTakesNoMoreMemoryThanAllowed) {
  const Frame table = made_table(Task::kBinary, 150);
  RunOptions options = trials(3);
  run(table, options, Context(), {});
  const auto free_bytes = loaded_bytes(options.output, table, Context());
  const auto file_bytes = std::filesystem::file_size(options.output);
  if (free_bytes > file_bytes / 4) {  // not where the allocator tells nothing
    options.constraints.max_memory_bytes = free_bytes * 2 / 3;
    run(table, options, Context(), {});
    EXPECT_LE(loaded_bytes(options.output, table, Context()), free_bytes * 2 / 3);
  }
  if (free_bytes <= 1) GTEST_SKIP() << "the allocator of this build does not tell what a model takes";
  options.constraints.max_memory_bytes = 1;
  EXPECT_THAT([&] { run(table, options, Context(), {}); },
              ThrowsMessage<Error>(HasSubstr("--max-memory 1 B: the loaded model takes")));
}

TEST_F(ConstraintsTest, WhatNobodyCanKeepToIsToldWithTheClosest) {
  RunOptions options = trials(3);
  options.constraints.max_latency_us = 1e-3;
  EXPECT_THAT(
      [&] { run(made_table(Task::kBinary, 120), options, Context(), {}); },
      ThrowsMessage<Error>(AllOf(HasSubstr("--max-latency-us 0.001: one row takes"), HasSubstr("closest"))));
  EXPECT_FALSE(std::filesystem::exists(options.output));
}

TEST_F(ConstraintsTest, MonotoneModelsNeverGoTheOtherWay) {
  if (!model::estimator_info("lightgbm").unavailable().empty())
    GTEST_SKIP() << model::estimator_info("lightgbm").unavailable();
  Frame table = made_table(Task::kRegression, 150);
  std::string number;
  for (std::size_t c = 0; c < table.n_columns() && number.empty(); ++c)
    if (table.column(c).type() == data::ColumnType::kFloat64 && table.name(c) != "y") number = table.name(c);
  ASSERT_FALSE(number.empty());
  RunOptions options = trials(3);
  options.constraints.monotone = {{number, 1}};
  const auto model = model_of(table, options);
  Frame row = table.slice(0, 1);
  double before = -1e300;
  for (double value = -4; value <= 4; value += 0.1) {
    Frame moved;
    for (std::size_t c = 0; c < row.n_columns(); ++c)
      moved.add(row.name(c), row.name(c) == number ? Column::from_float64({value}) : row.column(c));
    const double now = model.predict(moved, Context()).front();
    EXPECT_GE(now, before - 1e-9) << value;
    before = now;
  }
}

TEST_F(ConstraintsTest, MonotoneNeedsAColumnWithAnOrder) {
  RunOptions options = trials(2);
  options.constraints.monotone = {{"nobody", 1}};
  EXPECT_THAT([&] { run(made_table(Task::kBinary, 120), options, Context(), {}); },
              ThrowsMessage<Error>(HasSubstr("monotone names a column \"nobody\"")));
  options.constraints.monotone = {{"y", 1}};
  EXPECT_THROW(run(made_table(Task::kMulticlass, 120), options, Context(), {}), Error);
}

}  // namespace
}  // namespace kolosal::automl
