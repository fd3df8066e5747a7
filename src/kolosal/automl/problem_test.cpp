#include "kolosal/automl/problem.hpp"

#include <cmath>
#include <limits>

#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::automl {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename T>
std::vector<T> cycle(std::vector<T> values, std::size_t n) {
  std::vector<T> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(values[i % values.size()]);
  return out;
}

std::vector<double> counting(std::size_t n) {
  std::vector<double> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(0.5 * static_cast<double>(i));
  return out;
}

std::vector<std::int64_t> integers(std::size_t n, std::int64_t n_distinct) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(static_cast<std::int64_t>(i) % n_distinct);
  return out;
}

/// A table of one number, "x", and the target, "y".
Frame with_target(Column target) {
  Frame out;
  out.add("x", Column::from_float64(counting(target.size())));
  out.add("y", std::move(target));
  return out;
}

Problem problem_of(Column target, ProblemOptions options = {}) {
  options.target = "y";
  return make_problem(with_target(std::move(target)), options);
}

// ---- the task ----

TEST(Problem, TaskFollowsTheTarget) {
  const struct {
    const char* name;
    Column target;
    Task task;
    std::vector<std::string> classes;
  } cases[] = {
      {"bool", Column::from_bool(cycle<std::uint8_t>({1, 0}, 60)), Task::kBinary, {"false", "true"}},
      {"float of two values",
       Column::from_float64(cycle<double>({2.5, -1}, 60)),
       Task::kBinary,
       {"-1", "2.5"}},
      {"float of three values", Column::from_float64(cycle<double>({2.5, -1, 0}, 60)), Task::kRegression, {}},
      {"int of two values, few rows", Column::from_int64({1, 0, 1}), Task::kBinary, {"0", "1"}},
      {"int of few values",
       Column::from_int64(cycle<std::int64_t>({10, 9, 2}, 60)),
       Task::kMulticlass,
       {"2", "9", "10"}},
      {"int of 20 values", Column::from_int64(integers(60, 20)), Task::kMulticlass, {}},
      {"int of 21 values", Column::from_int64(integers(84, 21)), Task::kRegression, {}},
      {"int, few rows per value", Column::from_int64(integers(12, 6)), Task::kRegression, {}},
      {"category",
       category_column(cycle<std::string>({"b", "a", "c"}, 60)),
       Task::kMulticlass,
       {"a", "b", "c"}},
      {"text",
       Column::from_texts(cycle<std::optional<std::string>>({"no", "yes"}, 60)),
       Task::kBinary,
       {"no", "yes"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Problem problem = problem_of(c.target);
    EXPECT_EQ(data::task_name(problem.task), data::task_name(c.task));
    EXPECT_FALSE(problem.task_reason.empty());
    EXPECT_EQ(problem.metric, &metric::default_metric(c.task));
    if (!c.classes.empty()) {
      EXPECT_EQ(problem.classes, c.classes);
    }
    EXPECT_EQ(problem.classes.empty(), c.task == Task::kRegression);
  }
}

TEST(Problem, ClassIndicesFollowTheOrderOfTheClasses) {
  EXPECT_THAT(problem_of(category_column({"z", "a", "z", "a", "m", "m"})).target,
              ElementsAre(2, 0, 2, 0, 1, 1));
  EXPECT_THAT(problem_of(Column::from_int64({10, 9, 10, 9})).target, ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(problem_of(Column::from_bool({1, 0, 0, 1})).target, ElementsAre(1, 0, 0, 1));
}

TEST(Problem, LevelsThatNeverOccurAreNoClasses) {
  const auto levels = std::make_shared<const data::Dictionary>(std::vector<std::string>{"unused", "b", "a"});
  const Problem problem = problem_of(Column::from_category({1, 2, 1, 2}, levels));
  EXPECT_THAT(problem.classes, ElementsAre("a", "b"));
  EXPECT_THAT(problem.target, ElementsAre(1, 0, 1, 0));
}

TEST(Problem, AskedTaskWins) {
  EXPECT_EQ(problem_of(Column::from_int64(integers(60, 3)), {.task = "regression"}).task, Task::kRegression);
  EXPECT_EQ(problem_of(Column::from_int64(integers(90, 30)), {.task = "multiclass"}).classes.size(), 30U);
  EXPECT_EQ(
      problem_of(Column::from_float64(cycle<double>({0, 1, 2}, 60)), {.task = "multiclass"}).classes.size(),
      3U);
}

TEST(Problem, RefusesTasksTheTargetCanNotHave) {
  EXPECT_ERROR(problem_of(category_column({"u", "v", "u"}), {.task = "regression"}), kData,
               HasSubstr("\"y\" holds category values"));
  EXPECT_ERROR(problem_of(Column::from_int64(integers(60, 3)), {.task = "binary"}), kData,
               AllOf(HasSubstr("3 classes"), HasSubstr("multiclass")));
  EXPECT_ERROR(problem_of(Column::from_int64(integers(60, 3)), {.task = "ranking"}), kInvalidParameter,
               HasSubstr("ranking"));
}

TEST(Problem, RefusesTimesAsTarget) {
  for (const std::string task : {"auto", "multiclass", "regression"}) {
    EXPECT_ERROR(problem_of(Column::from_date({0, 1, 2, 3}), {.task = task}), kData,
                 HasSubstr("\"y\" holds date values"));
    EXPECT_ERROR(problem_of(Column::from_timestamp({0, 1, 2, 3}), {.task = task}), kData,
                 HasSubstr("timestamp"));
  }
}

TEST(Problem, AThousandClassesAreFineWithRowsForEach) {
  std::vector<std::string> many;
  for (std::size_t i = 0; i < 3000; ++i) many.push_back(fmt::format("c{}", i % 1000));
  EXPECT_EQ(problem_of(category_column(many)).classes.size(), 1000U);
  many.resize(1200);
  EXPECT_ERROR(problem_of(category_column(many)), kData, HasSubstr("1000 different values in 1200 rows"));
}

// ---- the target ----

TEST(Problem, RefusesAnAbsentTargetWithTheNearestName) {
  Frame table = with_target(Column::from_int64({0, 1, 0, 1}));
  table.add("survived", Column::from_int64({0, 1, 0, 1}));
  EXPECT_ERROR(make_problem(table, {.target = "Survivd"}), kData,
               AllOf(HasSubstr("target column \"Survivd\""), HasSubstr("did you mean \"survived\"?"),
                     HasSubstr("x, y, survived")));
  EXPECT_ERROR(make_problem(table, {}), kUsage, HasSubstr("--target"));
}

TEST(Problem, RefusesTargetsWithNothingToLearn) {
  EXPECT_ERROR(problem_of(Column::from_float64({3, 3, 3})), kData,
               HasSubstr("\"y\" has only one value, \"3\""));
  EXPECT_ERROR(problem_of(Column::from_float64({3, 3, 3}), {.task = "regression"}), kData,
               HasSubstr("always 3"));
  EXPECT_ERROR(problem_of(category_column({"same", "same"})), kData, HasSubstr("\"same\""));
  EXPECT_ERROR(problem_of(Column::from_float64({kNaN, kNaN})), kData, HasSubstr("missing in all 2 rows"));
  EXPECT_ERROR(problem_of(Column::from_float64({kNaN, 1})), kData, HasSubstr("at least 2"));
  EXPECT_ERROR(problem_of(Column::from_float64({})), kData, HasSubstr("0 rows"));
  EXPECT_ERROR(problem_of(Column::from_float64({1, 2, -kInfinity, 4})), kData,
               HasSubstr("infinite in row 3"));
  EXPECT_ERROR(problem_of(Column::from_float64({1, -1.7e308, 3, 4})), kData,
               HasSubstr("\"y\" is -1.7e+308 in row 2"));
}

TEST(Problem, RowsWithoutTargetAreLeftOutAndCounted) {
  std::vector<double> values = counting(50);
  values[3] = values[40] = kNaN;
  const Problem problem = problem_of(Column::from_float64(values));
  EXPECT_EQ(problem.n_rows(), 48U);
  EXPECT_EQ(problem.features.n_rows(), 48U);
  EXPECT_EQ(problem.features.column("x").number(3), 2.0);
  EXPECT_THAT(problem.notes, ElementsAre(AllOf(HasSubstr("2 of 50 rows"), HasSubstr("no target"))));
}

TEST(Problem, RareClassesAreNoted) {
  std::vector<std::string> cells(40, "common");
  cells[0] = "rare";
  EXPECT_THAT(problem_of(category_column(cells)).notes,
              ElementsAre(HasSubstr("class \"rare\" has only 1 row;")));
}

// ---- the features ----

TEST(Problem, EmptyColumnsAreIgnoredAndNoted) {
  Frame table = with_target(Column::from_float64(counting(30)));
  table.add("empty", Column::from_float64(std::vector<double>(30, kNaN)));
  const Problem problem = make_problem(table, {.target = "y"});
  EXPECT_THAT(problem.features.names(), ElementsAre("x"));
  EXPECT_THAT(problem.notes, ElementsAre(HasSubstr("\"empty\"")));
  EXPECT_EQ(problem.schema.find("empty")->role, data::Role::kIgnored);
  EXPECT_EQ(problem.schema.find("y")->role, data::Role::kTarget);
}

TEST(Problem, EveryRoleLeavesTheFeatures) {
  Frame table = with_target(Column::from_float64(counting(4)));
  table.add("w", Column::from_float64({1, 2, 0, 0.5}));
  table.add("g", category_column({"p", "q", "p", "r"}));
  table.add("t", Column::from_timestamp({30, 10, 20, 10}));
  table.add("junk", Column::from_float64(counting(4)));
  const Problem problem =
      make_problem(table, {.target = "y", .ignore = {"junk"}, .group = "g", .time = "t", .weight = "w"});
  EXPECT_THAT(problem.features.names(), ElementsAre("x", "t"));  // a time stays a feature
  EXPECT_THAT(problem.weights, ElementsAre(1, 2, 0, 0.5));
  EXPECT_THAT(problem.groups, ElementsAre(0, 1, 0, 2));
  EXPECT_THAT(problem.times, ElementsAre(3, 1, 2, 1));
}

TEST(Problem, MissingTimesComeFirst) {
  Frame table = with_target(Column::from_float64(counting(4)));
  table.add("t", Column::from_float64({0.25, kNaN, 0.5, -1}));
  EXPECT_THAT(make_problem(table, {.target = "y", .time = "t"}).times, ElementsAre(2, 0, 3, 1));
}

TEST(Problem, RefusesColumnsThatCanNotHaveTheirRole) {
  Frame table = with_target(Column::from_float64(counting(3)));
  table.add("negative", Column::from_float64({1, -2, 3}));
  table.add("hole", Column::from_float64({1, kNaN, 3}));
  table.add("zero", Column::from_float64({0, 0, 0}));
  table.add("words", category_column({"a", "b", "a"}));
  table.add("single", category_column({"a", "a", "a"}));
  const auto with = [&](ProblemOptions options) {
    options.target = "y";
    return make_problem(table, options);
  };
  EXPECT_ERROR(with({.weight = "negative"}), kData,
               AllOf(HasSubstr("\"negative\""), HasSubstr("not -2 (row 2)")));
  EXPECT_ERROR(with({.weight = "hole"}), kData, HasSubstr("(row 2)"));
  EXPECT_ERROR(with({.weight = "zero"}), kData, HasSubstr("0 in every row"));
  EXPECT_ERROR(with({.weight = "words"}), kData, HasSubstr("must be numbers"));
  EXPECT_ERROR(with({.weight = "wrds"}), kData, HasSubstr("did you mean \"words\"?"));
  EXPECT_ERROR(with({.weight = "y"}), kData, HasSubstr("both the target and the weight"));
  EXPECT_ERROR(with({.group = "single"}), kData, HasSubstr("fewer than 2 groups"));
  EXPECT_ERROR(with({.time = "words"}), kData, HasSubstr("dates, timestamps or numbers"));
  EXPECT_ERROR(with({.time = "zero"}), kData, HasSubstr("fewer than 2 different times"));
  EXPECT_ERROR(with({.ignore = {"nonsense"}}), kData, HasSubstr("ignored column \"nonsense\""));
  EXPECT_ERROR(with({.ignore = {"x", "negative", "hole", "zero", "words", "single"}}), kData,
               HasSubstr("no feature column is left"));
  EXPECT_ERROR(make_problem(table.select(std::vector<std::string>{"y"}), {.target = "y"}), kData,
               HasSubstr("no column beside the target"));
}

TEST(Problem, RowsInMessagesAreThoseOfTheUsersTable) {
  Frame table = with_target(Column::from_float64({kNaN, 1, 2, 4}));
  table.add("w", Column::from_float64({1, 1, 1, -3}));
  EXPECT_ERROR(make_problem(table, {.target = "y", .weight = "w"}), kData, HasSubstr("not -3 (row 4)"));
}

TEST(Problem, RefusesAMetricOfAnotherTask) {
  EXPECT_ERROR(problem_of(Column::from_float64(counting(30)), {.metric = "roc_auc"}), kInvalidParameter,
               HasSubstr("roc_auc"));
  EXPECT_ERROR(problem_of(Column::from_bool({1, 0, 1, 0}), {.metric = "rmse"}), kInvalidParameter,
               HasSubstr("rmse"));
  EXPECT_EQ(problem_of(Column::from_bool({1, 0, 1, 0}), {.metric = "accuracy"}).metric->name, "accuracy");
}

// ---- quantiles ----

TEST(Problem, QuantilesAreScoredByTheirPinballLoss) {
  const auto numbers = [] { return Column::from_float64(counting(30)); };
  const Problem several = problem_of(numbers(), {.quantiles = {0.1, 0.9}});
  EXPECT_EQ(several.metric->name, "pinball");
  EXPECT_EQ(several.target_view().n_outputs(), 2U);
  const Problem one = problem_of(numbers(), {.metric = "pinball", .quantiles = {0.9}});
  EXPECT_EQ(one.metric->name, "pinball:0.9");
  EXPECT_EQ(one.target_view().n_outputs(), 1U);
}

TEST(Problem, AbsoluteErrorsAreBlendedByTheMediansLoss) {
  for (const char* metric : {"mae", "neg_median_absolute_error", "mape"})
    EXPECT_THAT(problem_of(Column::from_float64(counting(30)), {.metric = metric}).loss_quantiles,
                ElementsAre(0.5))
        << metric;
  EXPECT_THAT(problem_of(Column::from_float64(counting(30))).loss_quantiles, IsEmpty());
}

TEST(Problem, MetricsOfLogarithmsLearnTheLogarithm) {
  for (const auto& [name, expected] : {std::pair{"rmsle", "rmsle"}, {"neg_mean_squared_log_error", "msle"}}) {
    const std::vector<double> values = counting(30);
    const Problem problem = problem_of(Column::from_float64(values), {.metric = name});
    EXPECT_TRUE(problem.is_log_target);
    EXPECT_EQ(problem.metric->name, expected);
    EXPECT_DOUBLE_EQ(problem.target[29], std::log1p(values[29]));
    // The score of logarithms is that of the values.
    std::vector<double> predicted, logs;
    for (const double value : values) {
      predicted.push_back(std::fmod(7 * value, 30));
      logs.push_back(std::log1p(predicted.back()));
    }
    EXPECT_NEAR(
        problem.metric->compute(problem.target_view(), logs),
        metric::metric_for(name, Task::kRegression).compute({Task::kRegression, values, {}, 0}, predicted),
        1e-13);
  }
  std::vector<double> below = counting(30);
  below[3] = -2;
  EXPECT_FALSE(problem_of(Column::from_float64(below), {.metric = "rmsle"}).is_log_target);
}

TEST(Problem, RelativeErrorsAreThoseOfThePercentageMetrics) {
  for (const auto& [name, expected] :
       {std::pair{"mape", true}, {"smape", true}, {"mae", false}, {"rmse", false}})
    EXPECT_EQ(problem_of(Column::from_float64(counting(30)), {.metric = name}).has_relative_errors, expected)
        << name;
}

TEST(Problem, RefusesQuantilesThatCanNotBe) {
  const auto with = [](std::vector<double> quantiles) {
    return problem_of(Column::from_float64(counting(30)), {.quantiles = std::move(quantiles)});
  };
  EXPECT_ERROR(with({0, 0.5}), kInvalidParameter, AllOf(HasSubstr("--quantiles 0,0.5"), HasSubstr("not 0")));
  EXPECT_ERROR(with({0.5, 1}), kInvalidParameter, HasSubstr("not 1"));
  EXPECT_ERROR(with({kNaN}), kInvalidParameter, HasSubstr("not nan"));
  EXPECT_ERROR(with({0.5, 0.1}), kInvalidParameter, HasSubstr("0.1 comes after 0.5"));
  EXPECT_ERROR(with({0.5, 0.5}), kInvalidParameter, HasSubstr("0.5 is given twice"));
  EXPECT_ERROR(problem_of(Column::from_bool({1, 0, 1, 0}), {.quantiles = {0.5}}), kInvalidParameter,
               AllOf(HasSubstr("--quantiles 0.5"), HasSubstr("binary")));
  EXPECT_ERROR(problem_of(Column::from_float64(counting(30)), {.metric = "mae", .quantiles = {0.1, 0.5}}),
               kInvalidParameter, AllOf(HasSubstr("--metric mae"), HasSubstr("pinball")));
}

// ---- what makes two tables the same ----

TEST(Problem, FingerprintSeesEveryCellAndRole) {
  const auto base = [] {
    Frame table = made_table(Task::kBinary, 40);
    table.add("w", Column::from_float64(counting(40)));
    return table;
  };
  const auto print = [](const Frame& table, ProblemOptions options = {}) {
    options.target = "y";
    return make_problem(table, options).fingerprint();
  };
  const std::uint64_t same = print(base());
  EXPECT_EQ(print(base()), same);
  EXPECT_NE(print(made_table(Task::kBinary, 40)), same);
  EXPECT_NE(print(base(), {.weight = "w"}), print(base(), {.ignore = {"w"}}));

  Frame renamed;
  for (std::size_t i = 0; i < base().n_columns(); ++i)
    renamed.add(base().name(i) == "a" ? "A" : base().name(i), base().column(i));
  EXPECT_NE(print(renamed), same);

  Frame other_level;
  for (std::size_t i = 0; i < base().n_columns(); ++i) {
    Column column = base().column(i);
    if (base().name(i) == "c") {
      auto levels = column.dictionary()->levels();
      levels[0] = "another";
      column = Column::from_category({column.codes().begin(), column.codes().end()},
                                     std::make_shared<const data::Dictionary>(levels));
    }
    other_level.add(base().name(i), column);
  }
  EXPECT_NE(print(other_level), same);
}

}  // namespace
}  // namespace kolosal::automl
