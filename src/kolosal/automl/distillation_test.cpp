#include "kolosal/automl/distillation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kolosal/automl/run.hpp"
#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/core/thread_pool.hpp"
#include "kolosal/metric/metric.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::automl {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

class DistillationTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = model::estimator_info("lightgbm").unavailable(); !why.empty()) GTEST_SKIP() << why;
  }
  RunOptions trials(std::size_t n) const {
    RunOptions out;
    out.problem.target = "y";
    out.n_trials = n;
    out.output = folder.path() / "model.kolosal";
    out.exclude_models = {"xgboost", "mlp"};
    out.n_folds = 3;
    out.distill = true;
    return out;
  }
  TempFolder folder;
};

const LeaderboardRow* row_of(const RunResult& result, const std::string& model) {
  for (const LeaderboardRow& row : result.leaderboard)
    if (row.model == model) return &row;
  return nullptr;
}

/// Score of the model file on a table with the same classes in the same order.
double score_on(const RunResult& result, const Frame& table, Task task) {
  const auto model = pipeline::Model::open(result.model_path);
  MadeTarget target = target_of(table, task);
  for (std::size_t i = 0; i < target.values.size() && task != Task::kRegression; ++i)
    target.values[i] = static_cast<double>(std::ranges::find(model.classes, table.column("y").cell_text(i)) -
                                           model.classes.begin());
  return metric::metric_for(result.metric, task).compute(target.view(), model.predict(table, Context()));
}

TEST_F(DistillationTest, TheFileHoldsOneForestAndTheResultWhatItCosts) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
    SCOPED_TRACE(data::task_name(task));
    const RunOptions options = trials(5);
    const RunResult result = run(made_table(task, 400), options, Context(), {});
    const auto model = pipeline::Model::open(options.output);
    ASSERT_EQ(model.members.size(), 1U);
    EXPECT_EQ(model.members.front().pipelines.size(), 1U);
    EXPECT_EQ(model.members.front().name, "distilled forest");
    EXPECT_TRUE(model.members.front().pipelines.front().estimator().trees());
    const LeaderboardRow* forest = row_of(result, "distilled forest");
    const LeaderboardRow* blend = row_of(result, "blend");
    ASSERT_TRUE(forest && blend && result.distillation);
    EXPECT_EQ(forest->weight, 1);
    EXPECT_EQ(blend->weight, 0);
    EXPECT_EQ(result.distillation->blend_score, blend->score);
    EXPECT_EQ(result.distillation->forest_score, result.score);
    const double worse = blend->score - result.score;
    EXPECT_DOUBLE_EQ(result.distillation->cost, result.higher_is_better ? worse : -worse);
    EXPECT_THAT(result.notes, Contains(HasSubstr("of the blend of")));
    // It is nearly as good as what it learned from, and as good on new rows as it says.
    EXPECT_LT(result.distillation->cost, task == Task::kRegression ? 0.2 * blend->score : 0.1);
    EXPECT_NEAR(score_on(result, made_table(task, 2000, 2), task), result.score,
                task == Task::kRegression ? 0.15 * result.score : 0.08);
  }
}

TEST_F(DistillationTest, TheScoreOfAForestOwesNothingToTheRowsItIsJudgedOn) {
  // The target is a coin, and five rows at a time are alike in all else. What models say of a row in one fold
  // tells the targets of its likes in the others, so a student that is taught across folds is judged on
  // targets that it has heard of.
  constexpr std::size_t kLevels = 120, kAlike = 5;
  Rng rng(9);
  std::vector<double> x;
  std::vector<std::string> y;
  for (std::size_t i = 0; i < kLevels * kAlike; ++i) {
    x.push_back(static_cast<double>(i % kLevels));
    y.emplace_back(rng.below(2) == 0 ? "no" : "yes");
  }
  Frame table;
  table.add("x", Column::from_float64(std::move(x)));
  table.add("y", category_column(y));
  RunOptions options = trials(8);
  options.n_folds = 5;
  const RunResult result = run(table, options, Context(), {});
  ASSERT_TRUE(result.distillation);
  EXPECT_LT(result.distillation->forest_score, 0.56);
}

TEST_F(DistillationTest, HoldOutsAndRepeatedFoldsAreFoldsToo) {
  const Frame table = made_table(Task::kBinary, 500), fresh = made_table(Task::kBinary, 3000, 2);
  const struct {
    std::size_t n_folds, n_repeats;
    const char* name;
  } cases[] = {{1, 1, "hold-out"}, {3, 2, "6 folds"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RunOptions options = trials(4);
    options.n_folds = c.n_folds;
    options.n_repeats = c.n_repeats;
    const RunResult result = run(table, options, Context(), {});
    EXPECT_THAT(result.validation, HasSubstr(c.name));
    ASSERT_TRUE(result.distillation);
    EXPECT_NEAR(score_on(result, fresh, Task::kBinary), result.score, 0.04);
  }
}

TEST_F(DistillationTest, TheSameSeedGivesTheSameFileForAnyNumberOfThreads) {
  for (const std::size_t n_folds : {1, 3}) {
    RunOptions options = trials(4);
    options.n_folds = n_folds;
    const Frame table = made_table(Task::kMulticlass, 200);
    run(table, options, Context(), {});
    const std::string alone = read_text(options.output);
    ThreadPool pool(2);
    run(table, options, Context{&pool, 2}, {});
    EXPECT_TRUE(read_text(options.output) == alone) << n_folds;
  }
}

TEST_F(DistillationTest, KeepsToTheLimitsThatItsBlendDoesNotKeep) {
  RunOptions options = trials(5);
  const Frame table = made_table(Task::kBinary, 400);
  const auto forest_bytes = run(table, options, Context(), {}).model_bytes;
  options.constraints.max_model_bytes = forest_bytes + 1000;
  const RunResult result = run(table, options, Context(), {});
  EXPECT_LE(result.model_bytes, forest_bytes + 1000);
  EXPECT_TRUE(row_of(result, "distilled forest"));
  options.constraints.max_model_bytes = forest_bytes / 2;  // then the best that the limit allows
  const RunResult without = run(table, options, Context(), {});
  EXPECT_LE(without.model_bytes, forest_bytes / 2);
  EXPECT_FALSE(without.distillation);
  EXPECT_THAT(without.notes, Contains(HasSubstr("the forest exceeds --max-model-size")));
}

TEST_F(DistillationTest, WithoutABoosterTheBlendStays) {
  RunOptions options = trials(3);
  options.exclude_models.emplace_back("lightgbm");
  const RunResult result = run(made_table(Task::kBinary, 200), options, Context(), {});
  EXPECT_THAT(result.notes, Contains(HasSubstr("the blend was not distilled: no LightGBM or XGBoost")));
  EXPECT_FALSE(result.distillation);
}

TEST_F(DistillationTest, KeepsTheTimeAndSaysSoWhenThereIsNone) {
  RunOptions options = trials(1);
  options.n_trials.reset();
  options.time_budget_s = 3;
  Context context;
  const double start = Clock::system().now_s();
  context.deadline = Deadline(Clock::system(), start + 3);
  const RunResult result = run(made_table(Task::kBinary, 3000), options, context, {});
  EXPECT_LT(Clock::system().now_s() - start, 4);
  if (!result.distillation) {  // on a machine so busy that there is no time for it
    EXPECT_THAT(result.notes, Contains(HasSubstr("the blend was not distilled: the time was over")));
  }
}

TEST_F(DistillationTest, WhatHasNoBlendOrSeveralNumbersIsRefusedByName) {
  RunOptions options = trials(3);
  options.constraints.ensemble = false;
  EXPECT_ERROR(run(made_table(Task::kBinary, 200), options, Context(), {}), kInvalidParameter,
               AllOf(HasSubstr("--distill"), HasSubstr("--no-ensemble")));
  options = trials(3);
  options.constraints.interpretable = true;
  EXPECT_ERROR(run(made_table(Task::kBinary, 200), options, Context(), {}), kInvalidParameter,
               AllOf(HasSubstr("--distill"), HasSubstr("--interpretable")));
  options = trials(3);
  options.problem.quantiles = {0.1, 0.9};
  EXPECT_ERROR(run(made_table(Task::kRegression, 200), options, Context(), {}), kInvalidParameter,
               AllOf(HasSubstr("--distill"), HasSubstr("--quantiles")));
}

TEST_F(DistillationTest, ABlendOfMediansIsLearned) {
  RunOptions options = trials(5);
  options.problem.metric = "mae";
  const RunResult result = run(made_table(Task::kRegression, 400), options, Context(), {});
  ASSERT_TRUE(result.distillation);
  EXPECT_LT(result.distillation->cost, 0.2 * result.distillation->blend_score);
}

}  // namespace
}  // namespace kolosal::automl
