#include "kolosal/automl/run.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/metric/metric.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::automl {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const std::vector<std::string> kBoosters = {"lightgbm", "xgboost"};
std::vector<std::string> all_but_constant() {
  std::vector<std::string> out;
  for (const auto& info : model::estimators())
    if (info.name != "constant") out.push_back(info.name);
  return out;
}

class RunTest : public testing::Test {
 protected:
  RunOptions trials(std::size_t n, std::string output = "model.kolosal") const {
    RunOptions out;
    out.problem.target = "y";
    out.n_trials = n;
    out.output = folder.path() / output;
    out.exclude_models = kBoosters;
    return out;
  }
  RunOptions seconds(double budget) const {
    RunOptions out = trials(0);
    out.n_trials.reset();
    out.time_budget_s = budget;
    return out;
  }
  RunResult run(const Frame& table, const RunOptions& options, std::size_t n_threads = 1,
                const EventSink& sink = {}, const CancelToken* cancel = nullptr) {
    ThreadPool pool(n_threads);
    Context context{&pool, n_threads};
    context.cancel = cancel;
    if (options.time_budget_s)
      context.deadline = Deadline(Clock::system(), Clock::system().now_s() + *options.time_budget_s);
    return automl::run(table, options, context, sink);
  }
  std::string bytes(const RunOptions& options) const { return read_text(options.output); }

  TempFolder folder;
};

/// Predictions of the model file for the table, checked for their shape; probabilities of a row sum to 1.
std::vector<double> predictions(const RunResult& result, const Frame& table) {
  const auto model = pipeline::Model::open(result.model_path);
  const auto out = model.predict(table, Context());
  EXPECT_EQ(out.size(), table.n_rows() * model.n_outputs());
  for (std::size_t row = 0; row < table.n_rows(); ++row) {
    const auto values = std::span(out).subspan(row * model.n_outputs(), model.n_outputs());
    for (const double value : values) EXPECT_TRUE(std::isfinite(value)) << row;
    if (model.task == Task::kRegression) continue;
    for (const double p : values) EXPECT_TRUE(p >= 0 && p <= 1) << p;
    if (model.n_outputs() > 1) {
      EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), 1, 1e-9) << row;
    }
  }
  return out;
}

double score_of_constant(const RunResult& result) {
  for (const LeaderboardRow& row : result.leaderboard)
    if (row.estimator == "constant") return row.score;
  ADD_FAILURE() << "no baseline on the leaderboard";
  return kNaN;
}

// ---- what a run gives ----

TEST_F(RunTest, EveryTaskGetsAModelBetterThanTheConstant) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
    SCOPED_TRACE(data::task_name(task));
    const Frame table = made_table(task, 200), fresh = made_table(task, 200, 2);
    const RunResult result = run(table, trials(4));
    EXPECT_EQ(result.task, data::task_name(task));
    EXPECT_EQ(result.n_rows, 200U);
    EXPECT_EQ(result.n_failed, 0U);
    EXPECT_FALSE(result.interrupted);
    EXPECT_EQ(result.model_bytes, std::filesystem::file_size(result.model_path));
    const double constant = score_of_constant(result);
    EXPECT_GT(result.higher_is_better ? result.score - constant : constant - result.score, 0.1);

    const auto predicted = predictions(result, fresh);
    const MadeTarget target = target_of(fresh, task);
    // Rows that no learner has seen: the classes of the fresh table in the order of the model's.
    const auto model = pipeline::Model::open(result.model_path);
    MadeTarget in_model_order = target;
    for (std::size_t i = 0; i < target.values.size() && task != Task::kRegression; ++i)
      in_model_order.values[i] = static_cast<double>(
          std::ranges::find(model.classes, fresh.column("y").cell_text(i)) - model.classes.begin());
    const double score = metric::metric_for(result.metric, task).compute(in_model_order.view(), predicted);
    EXPECT_GT(result.higher_is_better ? score - constant : constant - score, 0.1) << score;
  }
}

TEST_F(RunTest, DoesTheTrialsItWasAskedFor) {
  const Frame table = made_table(Task::kBinary, 80);
  for (const std::size_t n : {1, 2, 3}) EXPECT_EQ(run(table, trials(n)).n_trials, n);
}

TEST_F(RunTest, LeaderboardIsSortedAndTheWeightsSumToOne) {
  const RunResult result = run(made_table(Task::kBinary, 150), trials(3));
  double weight = 0;
  for (std::size_t i = 0; i < result.leaderboard.size(); ++i) {
    EXPECT_EQ(result.leaderboard[i].rank, i + 1);
    if (i > 0) {
      EXPECT_GE(result.leaderboard[i - 1].score, result.leaderboard[i].score);
    }
    if (result.leaderboard[i].model != "blend") weight += result.leaderboard[i].weight;
  }
  EXPECT_NEAR(weight, 1, 1e-9);
}

TEST_F(RunTest, PresetFastKeepsOneVoice) {
  RunOptions options = trials(3);
  options.preset = Preset::kFast;
  EXPECT_EQ(pipeline::Model::open(run(made_table(Task::kMulticlass, 120), options).model_path).members.size(),
            1U);
}

TEST_F(RunTest, EventsTellTheWholeRun) {
  std::vector<std::string> phases;
  std::size_t n_started = 0, n_ended = 0, n_checkpoints = 0;
  run(made_table(Task::kBinary, 80), trials(3), 2, [&](const Event& event) {
    if (event.kind == Event::Kind::kPhase) phases.push_back(event.message);
    n_started += event.kind == Event::Kind::kTrialStart;
    n_ended += event.kind == Event::Kind::kTrialEnd;
    n_checkpoints += event.kind == Event::Kind::kCheckpoint;
    EXPECT_EQ(event.n_trials_planned, 3U);
    EXPECT_NO_THROW(static_cast<void>(to_json(event).dump()));
  });
  EXPECT_THAT(phases, testing::ElementsAre("prepare", "search", "ensemble", "save", "done"));
  EXPECT_EQ(n_started, 4U);  // with the baseline
  EXPECT_EQ(n_ended, 4U);
  EXPECT_GE(n_checkpoints, 1U);
}

// ---- the same bytes ----

TEST_F(RunTest, TheSameSeedGivesTheSameFileForAnyNumberOfThreads) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
    SCOPED_TRACE(data::task_name(task));
    const Frame table = made_table(task, 60);
    const std::size_t n = task == Task::kBinary ? 5 : 2;
    RunOptions one = trials(n, "one.kolosal"), two = trials(n, "two.kolosal");
    one.exclude_models = two.exclude_models = {"xgboost", "random_forest"};
    run(table, one, 1);
    run(table, two, 2);
    EXPECT_EQ(bytes(one), bytes(two));
  }
}

TEST_F(RunTest, ClassWeightsAndFollowedMetricsKeepTheBytesToo) {
  const auto same = [&](const Frame& table, RunOptions one) {
    RunOptions two = one;
    one.output = folder.path() / "one.kolosal";
    two.output = folder.path() / "two.kolosal";
    run(table, one, 1);
    run(table, two, 2);
    EXPECT_EQ(bytes(one), bytes(two));
    return one.output;
  };
  RunOptions weighted = trials(3);
  weighted.exclude_models = {"xgboost"};
  weighted.class_weight = "yes=4";
  weighted.problem.metric = "balanced_accuracy";
  same(made_table(Task::kBinary, 80), weighted);
  RunOptions logs = trials(3);
  logs.exclude_models = {"xgboost"};
  logs.problem.metric = "rmsle";
  Frame table = made_table(Task::kRegression, 80);
  std::vector<double> y(80);
  table.column("y").copy_numbers(y);
  for (double& value : y) value = std::expm1(std::abs(value) / 10);
  table = table.without(std::vector<std::string>{"y"});
  table.add("y", Column::from_float64(y));
  const auto model = pipeline::Model::open(same(table, logs));
  EXPECT_TRUE(model.is_log_target);
  const auto prediction = model.predict(table, Context());
  EXPECT_LT(metric::metric_for("rmsle", Task::kRegression).compute({Task::kRegression, y, {}, 0}, prediction),
            0.2);
  const auto [low, high] = model.interval(prediction[0], 0.1);
  EXPECT_NEAR(std::log1p(high) - std::log1p(low), 0.2, 1e-12);
  logs.problem.metric = "mape";
  same(table, logs);
}

TEST_F(RunTest, AnotherSeedGivesAnotherFile) {
  const Frame table = made_table(Task::kBinary, 100);
  RunOptions one = trials(2, "one.kolosal"), two = trials(2, "two.kolosal");
  two.seed = 1;
  run(table, one);
  run(table, two);
  EXPECT_NE(bytes(one), bytes(two));
}

TEST_F(RunTest, AResumedRunGivesTheFileOfAWholeOne) {
  const Frame table = made_table(Task::kBinary, 60);
  RunOptions whole = trials(6, "whole.kolosal"), parts = trials(3, "parts.kolosal");
  run(table, whole);
  parts.run_dir = folder.path() / "kept";
  EXPECT_EQ(run(table, parts).n_trials, 3U);
  EXPECT_TRUE(std::filesystem::exists(parts.run_dir / "run.sqlite"))
      << "a folder that the user named is kept";
  parts.n_trials = 6;
  parts.resume = true;
  const RunResult resumed = run(table, parts, 2);
  EXPECT_TRUE(resumed.resumed);
  EXPECT_EQ(resumed.n_trials, 6U);
  EXPECT_EQ(bytes(whole), bytes(parts));
}

TEST_F(RunTest, ResumeRefusesAnotherTableOrSeed) {
  const Frame table = made_table(Task::kBinary, 80);
  RunOptions options = trials(1);
  options.run_dir = folder.path() / "kept";
  run(table, options);
  options.resume = true;
  EXPECT_ERROR(run(made_table(Task::kBinary, 80, 9), options), kData, HasSubstr("another table"));
  options.seed = 5;
  EXPECT_ERROR(run(table, options), kData, HasSubstr("seed is 5 now and was 0"));
  options.seed = 0;
  options.problem.metric = "accuracy";
  EXPECT_ERROR(run(table, options), kData, HasSubstr("metric"));
  options.resume = false;  // starts anew
  EXPECT_EQ(run(table, options).metric, "accuracy");
}

TEST_F(RunTest, ResumeWithoutAnEarlierRunStarts) {
  RunOptions options = trials(1);
  options.resume = true;
  EXPECT_FALSE(run(made_table(Task::kBinary, 80), options).resumed);
}

TEST_F(RunTest, TheRunFolderGoesWhenAllWentWell) {
  RunOptions options = trials(1);
  run(made_table(Task::kBinary, 80), options);
  EXPECT_FALSE(std::filesystem::exists(options.output.string() + ".run"));
}

// ---- larger tables ----

TEST_F(RunTest, AHoldOutIsFollowedByARefitOnAllRows) {
  const Frame table = made_table(Task::kRegression, 20'500), fresh = made_table(Task::kRegression, 300, 2);
  RunOptions one = trials(1, "one.kolosal"), two = trials(1, "two.kolosal");
  std::vector<std::string> phases;
  const RunResult result = run(table, one, 1, [&](const Event& event) {
    if (event.kind == Event::Kind::kPhase) phases.push_back(event.message);
  });
  EXPECT_THAT(result.validation, HasSubstr("hold-out of 4100 rows"));
  EXPECT_THAT(phases, Contains("refit"));
  run(table, two, 2);
  EXPECT_EQ(bytes(one), bytes(two));

  const auto model = pipeline::Model::open(result.model_path);
  for (const auto& member : model.members) EXPECT_EQ(member.pipelines.size(), 1U);
  const double fresh_score =
      metric::metric_for("rmse", Task::kRegression)
          .compute(target_of(fresh, Task::kRegression).view(), predictions(result, fresh));
  EXPECT_NEAR(fresh_score, result.score, 0.3 * result.score);
}

TEST_F(RunTest, RungsShareTheNumberOfTrials) {
  Frame table = made_table(Task::kRegression, 60'000);
  for (std::uint64_t k = 0; k < 25; ++k)
    table.add(fmt::format("more {}", k), made_table(Task::kRegression, 60'000, 10 + k).column("a"));
  RunOptions one = trials(3, "one.kolosal"), two = trials(3, "two.kolosal");
  one.exclude_models =
      two.exclude_models = {"lightgbm", "xgboost", "extra_trees", "random_forest", "ordered_boosting", "mlp"};
  EXPECT_EQ(run(table, one, 1).n_trials, 3U);

  // Killed after the lower rung, and resumed.
  two.run_dir = folder.path() / "kept";
  two.n_trials = 1;
  EXPECT_EQ(run(table, two, 2).n_trials, 1U);
  two.n_trials = 3;
  two.resume = true;
  EXPECT_EQ(run(table, two, 2).n_trials, 3U);
  EXPECT_EQ(bytes(one), bytes(two));
}

// ---- roles of columns ----

TEST_F(RunTest, WeightsChangeTheModel) {
  Frame table = made_table(Task::kRegression, 120);
  std::vector<double> weights(120, 1);
  for (std::size_t i = 0; i < 60; ++i) weights[i] = 0.01;
  table.add("w", Column::from_float64(weights));
  RunOptions weighted = trials(2, "weighted.kolosal"), plain = trials(2, "plain.kolosal");
  weighted.problem.weight = "w";
  plain.problem.ignore = {"w"};
  const auto a = predictions(run(table, weighted), table), b = predictions(run(table, plain), table);
  EXPECT_NE(a, b);
}

TEST_F(RunTest, GroupsStayTogether) {
  // The target is a property of the group: with rows of a group on both sides it would look easy to predict.
  Rng rng(5);
  std::vector<double> x, y;
  std::vector<std::int64_t> group;
  std::vector<double> centre, value;
  for (std::size_t g = 0; g < 30; ++g) {
    centre.push_back(rng.normal() * 10);
    value.push_back(rng.normal());
  }
  for (std::size_t i = 0; i < 180; ++i) {
    group.push_back(static_cast<std::int64_t>(i % 30));
    x.push_back(centre[i % 30] + 1e-3 * rng.normal());
    y.push_back(value[i % 30] + 1e-3 * rng.normal());
  }
  Frame table;
  table.add("x", Column::from_float64(x));
  table.add("g", Column::from_int64(group));
  table.add("y", Column::from_float64(y));
  RunOptions grouped = trials(2), plain = trials(2);
  grouped.problem.group = "g";
  plain.problem.ignore = {"g"};
  EXPECT_LT(run(table, plain).score, 0.3);
  EXPECT_GT(run(table, grouped).score, 0.7);
}

TEST_F(RunTest, TimesAreValidatedForward) {
  Frame table = made_table(Task::kRegression, 120);
  std::vector<std::int64_t> time;
  for (std::int64_t i = 0; i < 120; ++i) time.push_back(i * 86'400'000'000'000);
  table.add("day", Column::from_date(time));
  RunOptions options = trials(2);
  options.problem.time = "day";
  const RunResult result = run(table, options);
  EXPECT_EQ(result.n_trials, 2U);
  predictions(result, table);
}

// ---- time and cancellation ----

TEST_F(RunTest, ACancelledRunHasAValidModel) {
  const Frame table = made_table(Task::kBinary, 100);
  CancelToken cancel;
  const RunOptions options = trials(50);
  const RunResult result = run(
      table, options, 2,
      [&](const Event& event) {
        if (event.kind == Event::Kind::kTrialEnd && event.trial == 2) cancel.cancel();
      },
      &cancel);
  EXPECT_TRUE(result.interrupted);
  EXPECT_LT(result.n_trials, 50U);
  EXPECT_GE(result.n_trials, 1U);
  predictions(result, table);
  EXPECT_TRUE(std::filesystem::exists(options.output.string() + ".run")) << "kept for --resume";

  // And goes on from there to what it would have been.
  RunOptions rest = trials(4), whole = trials(4, "whole.kolosal");
  rest.resume = true;
  run(table, rest);
  run(table, whole);
  EXPECT_EQ(bytes(rest), bytes(whole));
}

TEST_F(RunTest, CancelledBeforeItStartsStillGivesTheBaseline) {
  CancelToken cancel;
  cancel.cancel();
  const Frame table = made_table(Task::kMulticlass, 60);
  const RunResult result = run(table, trials(4), 2, {}, &cancel);
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.n_trials, 0U);
  predictions(result, table);
}

TEST_F(RunTest, TimeBudgetIsKept) {
  const Frame table = made_table(Task::kBinary, 200);
  for (const double budget : {0.1, 3.0}) {
    RunOptions options = seconds(budget);
    options.exclude_models.clear();
    const double start = Clock::system().now_s();
    const RunResult result = run(table, options, 2);
    EXPECT_LT(Clock::system().now_s() - start, budget + 3)
        << "a busy machine may take longer, but not this long";
    predictions(result, table);
    if (budget == 3.0) {
      EXPECT_GE(result.n_trials, 1U);
    }
  }
}

TEST_F(RunTest, FewSecondsForManyRowsMeanAHoldOut) {
  const Frame table = made_table(Task::kMulticlass, 4000);
  RunOptions options = seconds(1);
  options.exclude_models = {"xgboost"};
  const double start = Clock::system().now_s();
  const RunResult result = run(table, options, 1);
  EXPECT_LT(Clock::system().now_s() - start, 4);
  EXPECT_THAT(result.validation, HasSubstr("hold-out"));
  predictions(result, table);
}

TEST_F(RunTest, WantsExactlyOneBudget) {
  RunOptions both = trials(1), none = trials(1);
  both.time_budget_s = 1;
  none.n_trials.reset();
  const Frame table = made_table(Task::kBinary, 60);
  EXPECT_ERROR(automl::run(table, both, Context(), {}), kUsage, HasSubstr("either"));
  EXPECT_ERROR(automl::run(table, none, Context(), {}), kUsage, HasSubstr("either"));
}

// ---- tables at the edge ----

TEST_F(RunTest, TinyTables) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
    for (const std::size_t n_rows : {4, 5, 10}) {
      SCOPED_TRACE(fmt::format("{} {}", data::task_name(task), n_rows));
      const Frame table = made_table(task, n_rows);
      RunOptions options = trials(n_rows == 5 ? 3 : 2);
      options.exclude_models = {"xgboost", n_rows == 5 ? "random_forest" : "lightgbm"};
      try {
        predictions(run(table, options), table);
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
    }
}

TEST_F(RunTest, TwoAndThreeRows) {
  for (const std::size_t n_rows : {2, 3}) {
    std::vector<double> x, y;
    std::vector<std::string> label;
    for (std::size_t i = 0; i < n_rows; ++i) {
      x.push_back(static_cast<double>(i));
      y.push_back(3.5 * static_cast<double>(i));
      label.push_back(i % 2 == 0 ? "even" : "odd");
    }
    Frame numbers, classes;
    numbers.add("x", Column::from_float64(x));
    numbers.add("y", Column::from_float64(y));
    classes.add("x", Column::from_float64(x));
    classes.add("y", category_column(label));
    for (const Frame& table : {numbers, classes}) {
      RunOptions options = trials(2);
      if (&table == &numbers) options.problem.task = "regression";
      try {
        predictions(run(table, options), table);
      } catch (const Error& error) {  // refused with a reason is fine, a crash or a broken file is not
        EXPECT_EQ(error.code(), ErrorCode::kData) << error.what();
      }
    }
  }
}

TEST_F(RunTest, RareClasses) {
  const struct {
    const char* name;
    std::vector<std::size_t> rows_per_class;
  } cases[] = {{"two rows each", {2, 2, 2}},
               {"one class with a single row", {30, 30, 1}},
               {"binary with a single positive", {40, 1}}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Rng rng(1);
    std::vector<double> x;
    std::vector<std::string> label;
    for (std::size_t k = 0; k < c.rows_per_class.size(); ++k)
      for (std::size_t i = 0; i < c.rows_per_class[k]; ++i) {
        x.push_back(rng.normal() + static_cast<double>(k));
        label.push_back(fmt::format("class {}", k));
      }
    Frame table;
    table.add("x", Column::from_float64(x));
    table.add("y", category_column(label));
    RunOptions options = trials(3);
    options.exclude_models = {"xgboost"};
    const RunResult result = run(table, options);
    predictions(result, table);
    EXPECT_EQ(pipeline::Model::open(result.model_path).classes.size(), c.rows_per_class.size());
    EXPECT_THAT(result.notes, Contains(HasSubstr("can not be trusted")));
  }
}

TEST_F(RunTest, WithNothingButTheConstant) {
  const Frame table = made_table(Task::kBinary, 60);
  RunOptions options = trials(3);
  options.exclude_models = all_but_constant();
  const RunResult result = run(table, options);
  const auto p = predictions(result, table);
  EXPECT_EQ(std::ranges::count(p, p.front()), 60);
  EXPECT_THAT(result.notes, Contains(HasSubstr("no learner is left to try")));
}

TEST_F(RunTest, NamesOfColumnsMayBeAnything) {
  Frame made = made_table(Task::kBinary, 100), table;
  const std::vector<std::string> names = {"a / b", "c=red", "c#target", "y"};
  for (std::size_t i = 0; i < 4; ++i) table.add(names[i], made.column(i));
  const auto extra = made_table(Task::kRegression, 100, 7);
  table.add("c", category_column(std::vector<std::string>(50, "p")).take(std::vector<std::uint32_t>(100, 0)));
  table.add("a / b_missing", extra.column("a"));
  table.add("a / b * c=red", extra.column("b"));
  table.add("proba_yes", extra.column("y"));
  table.add("prediction", extra.column("c"));
  table.add("", extra.column("y").take([] {
    std::vector<std::uint32_t> rows;
    for (std::uint32_t i = 100; i-- > 0;) rows.push_back(i);
    return rows;
  }()));
  table.add("{} {0} %s", extra.column("b"));
  RunOptions options = trials(4);
  options.exclude_models = {"xgboost"};
  const RunResult result = run(table, options);
  EXPECT_EQ(result.n_failed, 0U);
  predictions(result, table);
}

TEST_F(RunTest, ColumnsOfEveryKind) {
  Frame table = made_table(Task::kMulticlass, 90);
  Rng rng(8);
  std::vector<std::int64_t> times, whole;
  std::vector<std::uint8_t> flags;
  std::vector<std::optional<std::string>> texts;
  std::vector<float> floats;
  for (std::size_t i = 0; i < 90; ++i) {
    times.push_back(static_cast<std::int64_t>(rng.below(1'000'000)) * 1'000'000'000'000);
    whole.push_back(static_cast<std::int64_t>(rng.below(50)));
    flags.push_back(static_cast<std::uint8_t>(rng.below(2)));
    texts.push_back(rng.below(5) == 0
                        ? std::nullopt
                        : std::optional(fmt::format("word{} and word{} again", rng.below(9), rng.below(9))));
    floats.push_back(static_cast<float>(rng.normal()));
  }
  table.add("when", Column::from_timestamp(times));
  table.add("whole", Column::from_int64(whole));
  table.add("flag", Column::from_bool(flags));
  table.add("text", Column::from_texts(texts));
  table.add("float", Column::from_float32(floats));
  table.add("empty", Column::from_float64(std::vector<double>(90, kNaN)));
  table.add("constant", Column::from_int64(std::vector<std::int64_t>(90, 4)));
  RunOptions options = trials(3);
  options.exclude_models = {"xgboost"};
  const RunResult result = run(table, options, 2);
  EXPECT_EQ(result.n_failed, 0U);
  EXPECT_THAT(result.notes, Contains(HasSubstr("\"empty\"")));
  predictions(result, table);
}

TEST_F(RunTest, TargetOfTruthValues) {
  Frame table = made_table(Task::kRegression, 80);
  std::vector<std::uint8_t> target;
  for (std::size_t i = 0; i < 80; ++i) target.push_back(table.column("a").number(i) > 0);
  table = table.without(std::vector<std::string>{"y"});
  table.add("y", Column::from_bool(target));
  const RunResult result = run(table, trials(2));
  EXPECT_EQ(result.task, "binary");
  EXPECT_EQ(pipeline::Model::open(result.model_path).classes, (std::vector<std::string>{"false", "true"}));
}

TEST_F(RunTest, RefusesATableWithoutAUsableColumn) {
  Frame table;
  table.add("same", Column::from_int64(std::vector<std::int64_t>(40, 1)));
  table.add("y", made_table(Task::kBinary, 40).column("y"));
  EXPECT_ERROR(run(table, trials(1)), kData, HasSubstr("no usable feature column"));
}

TEST_F(RunTest, ARunningNumberIsUsedWhenNothingElseIsThere) {
  std::vector<std::int64_t> day(200);
  std::vector<double> y(200);
  for (std::size_t i = 0; i < day.size(); ++i)
    y[i] = 3.0 * static_cast<double>(day[i] = static_cast<std::int64_t>(i));
  Frame table;
  table.add("day", Column::from_int64(day));
  table.add("y", Column::from_float64(y));
  const RunResult result = run(table, trials(6));
  EXPECT_THAT(result.notes, Contains(HasSubstr("looks like an identifier")));
  EXPECT_LT(std::abs(result.score), 20.0);  // the deviation of y is 173
}

TEST_F(RunTest, ValuesNearTheLargestNumber) {
  Frame table = made_table(Task::kRegression, 60);
  std::vector<double> y(60);
  table.column("y").copy_numbers(y);
  for (std::size_t i = 0; i < 60; ++i) y[i] = (y[i] - 10) * 1e150;
  table = table.without(std::vector<std::string>{"y"});
  table.add("y", Column::from_float64(y));
  predictions(run(table, trials(2)), table);
}

TEST_F(RunTest, AFolderThatCanNotBeMadeIsNamed) {
  folder.write("file", "not a folder");
  EXPECT_ERROR(run(made_table(Task::kBinary, 60), trials(1, "file/model.kolosal")), kIo,
               HasSubstr("file/model.kolosal.run"));
}

}  // namespace
}  // namespace kolosal::automl
