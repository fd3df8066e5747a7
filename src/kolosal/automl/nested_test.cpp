#include "kolosal/automl/nested.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "kolosal/automl/run_history.hpp"
#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/core/thread_pool.hpp"
#include "kolosal/metric/metric.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::automl {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using ::testing::Each;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class NestedTest : public testing::Test {
 protected:
  RunOptions trials(std::size_t n, std::size_t n_folds) const {
    RunOptions out;
    out.problem.target = "y";
    out.n_trials = n;
    out.n_nested = n_folds;
    out.output = folder.path() / "model.kolosal";
    out.n_folds = 3;
    out.exclude_models = {"lightgbm", "xgboost", "mlp", "ordered_boosting"};
    return out;
  }
  TempFolder folder;
};

/// 40 groups of ten rows: a number tells the group, and the group its target, which is a coin.
Frame grouped_table() {
  Rng rng(3);
  std::vector<double> sign, noise;
  std::vector<std::string> group, y;
  for (std::size_t g = 0; g < 40; ++g) {
    const double place = rng.normal();
    const bool is_yes = rng.below(2) == 1;
    for (std::size_t i = 0; i < 10; ++i) {
      sign.push_back(place + 1e-3 * rng.normal());
      noise.push_back(rng.normal());
      group.push_back("group " + std::to_string(g));
      y.emplace_back(is_yes ? "yes" : "no");
    }
  }
  Frame out;
  out.add("sign", Column::from_float64(std::move(sign)));
  out.add("noise", Column::from_float64(std::move(noise)));
  out.add("group", category_column(group));
  out.add("y", category_column(y));
  return out;
}

TEST_F(NestedTest, ALeakThroughTheTargetDoesNotInflateTheScore) {
  // The target is a coin. A category of two rows per level tells it when its means are taken of all rows, and
  // of 60 columns of noise some follow it when they are chosen on all rows.
  constexpr std::size_t kRows = 400, kNoise = 60;
  Rng rng(4);
  Frame table;
  std::vector<std::string> levels, target;
  std::vector<double> y;
  for (std::size_t i = 0; i < kRows; ++i) {
    levels.push_back("level " + std::to_string(rng.below(kRows / 2)));
    y.push_back(static_cast<double>(rng.below(2)));
    target.emplace_back(y.back() > 0 ? "yes" : "no");
  }
  table.add("level", category_column(levels));
  for (std::size_t c = 0; c < kNoise; ++c) {
    std::vector<double> noise;
    for (std::size_t i = 0; i < kRows; ++i) noise.push_back(rng.normal());
    table.add("noise " + std::to_string(c), Column::from_float64(std::move(noise)));
  }
  table.add("y", category_column(target));

  // The leak is there: the means of all rows tell the target of the same rows.
  std::map<std::string, std::pair<double, double>> sums;
  for (std::size_t i = 0; i < kRows; ++i) {
    sums[levels[i]].first += y[i];
    sums[levels[i]].second += 1;
  }
  std::vector<double> means;
  for (const auto& level : levels) means.push_back(sums[level].first / sums[level].second);
  const auto& auc = metric::metric_for("roc_auc", Task::kBinary);
  ASSERT_GT(auc.compute({Task::kBinary, y, {}, 2}, means), 0.8);

  const RunResult result = run_nested(table, trials(6, 5), Context(), {});
  ASSERT_EQ(result.nested.n_done(), 5U);
  EXPECT_NEAR(result.nested.mean(), 0.5, 0.08);  // the mean of five has a deviation of 0.03
}

TEST_F(NestedTest, TellsTheScoreOnNewRowsAndLeavesTheModelOfAllRows) {
  const Frame table = made_table(Task::kRegression, 300);
  RunOptions options = trials(3, 3);
  const RunResult result = run_nested(table, options, Context(), {});
  ASSERT_THAT(result.nested.scores, SizeIs(3));
  const double mean = std::accumulate(result.nested.scores.begin(), result.nested.scores.end(), 0.0) / 3;
  EXPECT_DOUBLE_EQ(result.nested.mean(), mean);
  EXPECT_GT(result.nested.deviation(), 0);
  EXPECT_NEAR(mean, result.score, 0.5 * result.score);  // learned from fewer rows, but no other thing
  EXPECT_FALSE(std::filesystem::exists(options.run_folder()));

  const std::string nested = read_text(options.output);
  options.n_nested = 0;
  run(table, options, Context(), {});
  EXPECT_EQ(read_text(options.output), nested);  // the same model as without
}

TEST_F(NestedTest, GroupsAreNeverOnBothSides) {
  const Frame table = grouped_table();
  RunOptions options = trials(4, 4);
  options.problem.ignore = {"group"};
  EXPECT_GT(run_nested(table, options, Context(), {}).nested.mean(), 0.8);  // rows of a group tell of it
  options.problem.ignore.clear();
  options.problem.group = "group";
  EXPECT_LT(run_nested(table, options, Context(), {}).nested.mean(), 0.75);

  const Problem problem = make_problem(table, options.problem);
  std::set<std::uint32_t> judged;
  for (const auto& split : outer_splits(problem, 4, 0)) {
    std::set<std::int64_t> trained;
    for (const std::uint32_t row : split.train) trained.insert(problem.groups[row]);
    for (const std::uint32_t row : split.valid) {
      EXPECT_FALSE(trained.contains(problem.groups[row])) << row;
      judged.insert(row);
    }
  }
  EXPECT_THAT(judged, SizeIs(table.n_rows()));
}

TEST_F(NestedTest, LaterRowsAreJudgedByEarlierOnes) {
  // The target turns around halfway, so what is learned from the past is wrong at first.
  Rng rng(5);
  std::vector<double> x, day;
  std::vector<std::string> y;
  for (std::size_t i = 0; i < 400; ++i) {
    x.push_back(rng.normal());
    day.push_back(static_cast<double>((i * 7) % 400));  // not in order
    y.emplace_back((x[i] > 0) == (day[i] < 200) ? "yes" : "no");
  }
  Frame table;
  table.add("x", Column::from_float64(std::move(x)));
  table.add("day", Column::from_float64(std::move(day)));
  table.add("y", category_column(y));
  RunOptions options = trials(3, 3);
  options.problem.time = "day";
  const Problem problem = make_problem(table, options.problem);
  const auto outer = outer_splits(problem, 3, 0);
  for (const auto& split : outer) {
    std::int64_t last = std::numeric_limits<std::int64_t>::min();
    for (const std::uint32_t row : split.train) last = std::max(last, problem.times[row]);
    for (const std::uint32_t row : split.valid) EXPECT_GT(problem.times[row], last);
  }
  const RunResult result = run_nested(table, options, Context(), {});
  ASSERT_EQ(result.nested.n_done(), outer.size());
  EXPECT_LT(std::ranges::min(result.nested.scores), 0.5);  // the fold after the turn
}

TEST_F(NestedTest, ScoresAreInTheHistoryAndSurviveAStop) {
  const Frame table = made_table(Task::kBinary, 150);
  RunOptions options = trials(3, 3);
  options.history = folder.path() / "runs";
  const auto whole = run_nested(table, options, Context(), {}).nested.scores;
  ASSERT_THAT(whole, SizeIs(3));

  CancelToken cancel;
  Context context;
  context.cancel = &cancel;
  const RunResult stopped = run_nested(table, options, context, [&](const Event& event) {
    if (event.message.find("outer fold 2 of 3") != std::string::npos) cancel.cancel();
  });
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_EQ(stopped.nested.n_done(), 2U);
  const RunHistory history(options.history);
  auto kept = history.read(stopped.run_id);
  EXPECT_EQ(kept["state"], "stopped");
  EXPECT_EQ(kept["nested"]["scores"], (nlohmann::json{whole[0], whole[1], nullptr}));
  EXPECT_TRUE(std::filesystem::exists(options.run_folder()));

  options.resume = true;
  std::size_t n_searched = 0;
  const RunResult resumed = run_nested(table, options, Context(), [&](const Event& event) {
    n_searched += event.message.find("outer fold") != std::string::npos;
  });
  EXPECT_EQ(resumed.run_id, stopped.run_id);
  EXPECT_EQ(n_searched, 1U);
  EXPECT_EQ(resumed.nested.scores, whole);
  kept = history.read(resumed.run_id);
  EXPECT_EQ(kept["state"], "done");
  EXPECT_EQ(kept["nested"]["scores"], nlohmann::json(whole));
  EXPECT_EQ(kept["result"]["nested"], kept["nested"]);
  EXPECT_FALSE(std::filesystem::exists(options.run_folder()));
}

TEST_F(NestedTest, ARunThatWasStoppedBeforeItsFoldsGoesOnWithAsMany) {
  const Frame table = made_table(Task::kBinary, 150);
  RunOptions options = trials(3, 3);
  const auto whole = run_nested(table, options, Context(), {}).nested.scores;
  RunOptions other = options;
  other.n_nested = 4;
  CancelToken cancel;
  Context context;
  context.cancel = &cancel;
  run_nested(table, options, context, [&](const Event& event) {
    if (event.phase == "save") cancel.cancel();  // of all rows; no fold was begun
  });
  options.resume = other.resume = true;
  EXPECT_ERROR(run_nested(table, other, Context(), {}), kData, HasSubstr("nested is 4 now and was 3"));
  EXPECT_EQ(run_nested(table, options, Context(), {}).nested.scores, whole);
}

TEST_F(NestedTest, AClassThatAFoldsModelDoesNotKnowHasNoProbability) {
  Frame table = made_table(Task::kMulticlass, 120);
  std::vector<std::string> target;
  const std::size_t at = *table.find("y");
  for (std::size_t i = 0; i < table.n_rows(); ++i)
    target.push_back(i == 7 ? "alone" : table.column(at).cell_text(i));
  Frame with_rare;
  for (std::size_t c = 0; c < table.n_columns(); ++c)
    with_rare.add(table.name(c), c == at ? category_column(target) : table.column(c));
  const RunResult result = run_nested(with_rare, trials(2, 3), Context(), {});
  EXPECT_EQ(result.nested.n_done(), 3U);
  EXPECT_THAT(result.nested.scores, Each(Ge(0.0)));  // log loss, finite
}

TEST_F(NestedTest, QuantilesAreJudgedByTheirOwnLoss) {
  RunOptions options = trials(2, 3);
  options.problem.quantiles = {0.1, 0.5, 0.9};
  options.exclude_models.clear();
  const RunResult result = run_nested(made_table(Task::kRegression, 200), options, Context(), {});
  EXPECT_EQ(result.nested.n_done(), 3U);
  EXPECT_NEAR(result.nested.mean(), result.score, 0.5 * result.score);
}

TEST_F(NestedTest, TheSearchesShareTheTime) {
  RunOptions options = trials(1, 2);
  options.n_trials.reset();
  options.time_budget_s = 4;
  Context context;
  const double start = Clock::system().now_s();
  context.deadline = Deadline(Clock::system(), start + 4);
  const RunResult result = run_nested(made_table(Task::kBinary, 300), options, context, {});
  EXPECT_LT(Clock::system().now_s() - start, 5);
  EXPECT_TRUE(std::filesystem::exists(options.output));
  EXPECT_EQ(result.nested.n_done(), 2U);
}

TEST_F(NestedTest, OneFoldIsRefused) {
  EXPECT_ERROR(run_nested(made_table(Task::kBinary, 100), trials(2, 1), Context(), {}), kInvalidParameter,
               HasSubstr("at least 2 outer folds"));
}

}  // namespace
}  // namespace kolosal::automl
