#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kolosal/automl/run.hpp"
#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/pipeline/model.hpp"

// What a run does between its last trial and its last model file, seen from outside.

namespace kolosal::automl {
namespace {

using data::Task;
using ::testing::HasSubstr;

class LastSteps : public testing::Test {
 protected:
  RunOptions options() const {
    RunOptions out;
    out.problem.target = "y";
    out.output = folder.path() / "model.kolosal";
    out.exclude_models = {"lightgbm", "xgboost", "mlp"};
    return out;
  }
  TempFolder folder;
};

TEST_F(LastSteps, TheBlendIsNoWorseInTheMetricThanItsBestTrial) {
  // Chosen by the log loss alone, the blend has a smaller area under the curve than one of its members here.
  for (const std::uint64_t seed : {2, 7, 12}) {
    SCOPED_TRACE(seed);
    RunOptions chosen = options();
    chosen.n_trials = 6;
    chosen.seed = seed;
    chosen.n_folds = 3;
    const RunResult result = run(made_table(Task::kBinary, 600, seed).slice(0, 80), chosen, Context(), {});
    EXPECT_EQ(result.metric, "roc_auc");
    for (const LeaderboardRow& row : result.leaderboard) EXPECT_GE(result.score, row.score) << row.model;
  }
}

TEST_F(LastSteps, SmallTablesWithTimeToSpareAreFittedOnFurtherFolds) {
  RunOptions timed = options();
  timed.time_budget_s = 4;
  Context context;
  context.deadline = Deadline(Clock::system(), Clock::system().now_s() + *timed.time_budget_s);
  const RunResult result = run(made_table(Task::kBinary, 30), timed, context, {});
  EXPECT_THAT(result.validation, HasSubstr("10 folds"));
  const auto model = pipeline::Model::open(result.model_path);
  const auto has_further = [](const auto& member) { return member.pipelines.size() > 10; };
  EXPECT_TRUE(std::ranges::any_of(model.members, has_further));
}

}  // namespace
}  // namespace kolosal::automl
