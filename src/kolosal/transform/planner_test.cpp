#include "kolosal/transform/planner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/row_plan.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kRows = 2'000;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Column levels(std::size_t n_levels, std::uint64_t seed) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < n_levels; ++i) names.push_back(fmt::format("level {}", i));
  Rng rng(seed);
  std::vector<std::int32_t> codes(kRows);
  for (std::size_t i = 0; i < kRows; ++i)
    codes[i] = static_cast<std::int32_t>(i < n_levels ? i : rng.below(n_levels));
  return categories(names, codes);
}

/// Numbers with and without holes and tails, categories of few and many levels, a date, a text, and what is
/// of no use.
Frame table() {
  Rng rng(3);
  std::vector<double> plain(kRows), holes(kRows), few_holes(kRows), tail(kRows), constant(kRows, 4);
  std::vector<std::int64_t> id(kRows), day(kRows);
  std::vector<std::optional<std::string>> text(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    plain[i] = rng.normal();
    holes[i] = i % 5 == 0 ? kNaN : rng.normal();
    few_holes[i] = i % 100 == 0 ? kNaN : rng.normal();
    tail[i] = std::exp(2 * rng.normal());
    id[i] = static_cast<std::int64_t>(i) + 1;
    day[i] = static_cast<std::int64_t>(rng.below(20'000)) * 86'400'000'000'000;
    text[i] = fmt::format("a good {} of {} words", rng.below(1'000), rng.below(9));
  }
  Frame out = one_column(Column::from_float64(plain), "plain");
  out.add("holes", Column::from_float64(holes));
  out.add("few_holes", Column::from_float64(few_holes));
  out.add("tail", Column::from_float64(tail));
  out.add("constant", Column::from_float64(constant));
  out.add("again", Column::from_float64(plain));
  out.add("id", Column::from_int64(id));
  out.add("day", Column::from_date(day));
  out.add("text", Column::from_texts(text));
  out.add("sex", levels(2, 1));
  out.add("town", levels(20, 2));
  out.add("zip", levels(700, 3));
  return out;
}

data::TargetView target() {
  static const std::vector<double> values = [] {
    Rng rng(9);
    std::vector<double> out(kRows);
    for (double& value : out) value = static_cast<double>(rng.below(2));
    return out;
  }();
  return {Task::kBinary, values, {}, 2};
}

RecipePlan plan_for(LearnerFamily learner, const data::TargetView& y = target(),
                    std::size_t max_features = 100'000) {
  const auto rows = all_rows(kRows);
  return plan_recipe(table(), rows, y, {learner, max_features}, {});
}

std::vector<std::string> step_names(const RecipePlan& plan) {
  std::vector<std::string> out;
  for (const auto& step : plan.steps) out.push_back(step.spec.name);
  return out;
}

const PlannedStep& step(const RecipePlan& plan, const std::string& name) {
  for (const auto& planned : plan.steps)
    if (planned.spec.name == name) return planned;
  throw Error(ErrorCode::kInternal, "the plan has no step {}", name);
}

Frame fitted(const RecipePlan& plan, const data::TargetView& y = target()) {
  Recipe recipe(plan.specs());
  const auto rows = all_rows(kRows);
  return recipe.fit_transform(table(), rows, y, {});
}

TEST(Planner, PlansForLinearModels) {
  const RecipePlan plan = plan_for(LearnerFamily::kLinear);
  EXPECT_THAT(step_names(plan), ElementsAre("drop_constant", "drop_duplicate", "drop_id_like", "date_parts",
                                            "text_stats", "text_tokens", "impute", "impute",
                                            "power_transform", "target_encode", "scale", "one_hot"));
  EXPECT_THAT(plan.steps[0].reason, HasSubstr("`constant`"));
  EXPECT_THAT(plan.steps[1].reason, HasSubstr("`again`"));
  EXPECT_THAT(plan.steps[2].reason, HasSubstr("`id`"));
  EXPECT_THAT(plan.steps[6].reason, HasSubstr("`holes` (20.0 %)"));
  EXPECT_THAT(plan.steps[7].reason, HasSubstr("`few_holes` (1.0 %)"));
  EXPECT_THAT(step(plan, "power_transform").spec.select.names, ElementsAre("tail"));
  EXPECT_THAT(
      step(plan, "target_encode").reason,
      HasSubstr(
          "`zip` (700 levels): mean target encoding out of fold, because one-hot would make 700 columns"));
  EXPECT_THAT(step(plan, "one_hot").spec.select.names, ElementsAre("sex", "town"));
}

TEST(Planner, WhatItPlansLeavesFiniteNumbersOnly) {
  for (const auto learner : {LearnerFamily::kLinear, LearnerFamily::kNeighbours, LearnerFamily::kNets}) {
    SCOPED_TRACE(family_name(learner));
    const Frame made = fitted(plan_for(learner));
    for (std::size_t c = 0; c < made.n_columns(); ++c) {
      ASSERT_TRUE(made.column(c).is_numeric()) << made.name(c);
      for (std::size_t i = 0; i < made.n_rows(); ++i)
        ASSERT_TRUE(std::isfinite(made.column(c).number(i))) << made.name(c) << " row " << i;
    }
  }
}

TEST(Planner, TreesKeepCategoriesAndHoles) {
  const RecipePlan plan = plan_for(LearnerFamily::kTrees);
  EXPECT_THAT(step_names(plan), ElementsAre("drop_constant", "drop_duplicate", "drop_id_like", "date_parts",
                                            "text_stats", "text_tokens", "target_encode"));
  EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("`sex` (2 levels), `town` (20 levels): left as they are"),
                                      HasSubstr("`holes` (20.0 %)")));
  const Frame made = fitted(plan);
  EXPECT_EQ(made.column("zip").type(), data::ColumnType::kCategory);  // beside its encoding
  EXPECT_TRUE(made.find("zip_target"));
  EXPECT_GT(made.column("holes").n_missing(), 0U);
}

TEST(Planner, ARowNeedsNoFrameWhateverIsPlanned) {
  std::vector<PlannerOptions> all;
  for (const auto form :
       {CategoryForm::kLevels, CategoryForm::kLevelsAndMeans, CategoryForm::kMeans, CategoryForm::kRanks})
    all.push_back({.learner = LearnerFamily::kTrees,
                   .purpose = PlanPurpose::kLearner,
                   .categories = form,
                   .number_pairs = true,
                   .category_pair_rows = kRows});
  for (const auto tails : {LongTails::kPower, LongTails::kRanks, LongTails::kKeep})
    all.push_back({.purpose = PlanPurpose::kLearner, .one_hot_levels = 10, .tails = tails});
  const auto rows = all_rows(kRows);
  const Frame x = table();
  for (const PlannerOptions& options : all) {
    const RecipePlan plan = plan_recipe(x, rows, target(), options, {});
    SCOPED_TRACE(fmt::format("{}", fmt::join(step_names(plan), ", ")));
    Recipe recipe(plan.specs());
    recipe.fit_transform(x, rows, target(), {});
    RowPlan row_plan(x);
    row_plan.append(recipe, row_plan.inputs());
    EXPECT_EQ(row_plan.n_frame_steps(), 0U);
  }
}

TEST(Planner, NeighboursGetFewColumnsPerCategory) {
  const RecipePlan plan = plan_for(LearnerFamily::kNeighbours);
  EXPECT_THAT(step(plan, "one_hot").spec.select.names, ElementsAre("sex"));
  EXPECT_THAT(step(plan, "target_encode").spec.select.names, ElementsAre("town", "zip"));
}

TEST(Planner, WithoutATargetNoStepUsesOne) {
  for (const std::string& name : learner_families()) {
    SCOPED_TRACE(name);
    const RecipePlan plan = plan_for(family_from_name(name), {});
    EXPECT_FALSE(Recipe(plan.specs()).uses_target());
    EXPECT_THAT(step(plan, "frequency_encode").spec.select.names, ::testing::Contains("zip"));
    EXPECT_GT(fitted(plan, {}).n_columns(), 5U);
  }
}

TEST(Planner, OneHotStaysBelowTheLimitOfFeatures) {
  const RecipePlan plan = plan_for(LearnerFamily::kLinear, target(), 30);
  EXPECT_THAT(step(plan, "one_hot").spec.select.names, ElementsAre("sex"));
  EXPECT_THAT(step(plan, "target_encode").spec.select.names, ElementsAre("town", "zip"));
}

TEST(Planner, ForBatchesItPlansOnlyWhatCanBeFittedInThemAndTellsTheRest) {
  const auto rows = all_rows(kRows);
  const RecipePlan plan = plan_recipe(table(), rows, {}, {.in_batches = true}, {});
  for (const auto& planned : plan.steps)
    EXPECT_TRUE(make_transformer(planned.spec.name, planned.spec.params)->can_stream()) << planned.spec.name;
  EXPECT_THAT(plan.notes,
              ::testing::Contains(AllOf(HasSubstr("drop_id_like was left out"), HasSubstr("`id`"))));
}

TEST(Planner, EveryStepHasAReasonAndThePlanIsATomlFile) {
  for (const std::string& name : learner_families()) {
    const RecipePlan plan = plan_for(family_from_name(name));
    for (const auto& planned : plan.steps) EXPECT_NE(planned.reason, "") << planned.spec.name;
    EXPECT_EQ(to_toml(parse_recipe(to_toml(plan), "r")), to_toml(plan));
  }
}

TEST(Planner, LooksAtTheGivenRowsOnlyWithAnyNumberOfThreads) {
  const auto rows = all_rows(kRows);
  const auto some = std::span(rows).first(99);  // the first hole of few_holes is in row 0
  const std::string want = to_toml(plan_recipe(table(), some, target(), {}, {}));
  auto others = rows;  // behind the given rows, all others in another order
  std::reverse(others.begin() + 99, others.end());
  EXPECT_EQ(to_toml(plan_recipe(table().take(others), some, target(), {}, {})), want);
  ThreadPool pool(4);
  Context context;
  context.pool = &pool;
  context.n_threads = 4;
  EXPECT_EQ(to_toml(plan_recipe(table(), some, target(), {}, context)), want);
}

TEST(Planner, NumbersInTextsAreReadAndDatesInTextsAreTold) {
  Frame x = table();
  std::vector<std::optional<std::string>> price(kRows), seen(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    price[i] = fmt::format("{},{:03} EUR", 1 + i % 7, i % 1'000);
    seen[i] = fmt::format("{}/{}/20{:02}", 1 + i % 28, 1 + i % 12, i % 24);
  }
  x.add("price", Column::from_texts(price));
  x.add("seen", Column::from_texts(seen));
  const auto rows = all_rows(kRows);
  const RecipePlan linear = plan_recipe(x, rows, target(), {LearnerFamily::kLinear}, {});
  EXPECT_THAT(step(linear, "text_numbers").spec.select.names, ElementsAre("price"));
  EXPECT_THAT(step(linear, "text_tokens").reason, Not(HasSubstr("`price`")));
  EXPECT_THAT(linear.notes, ::testing::Contains(HasSubstr("`seen`: dates")));
  Recipe recipe(linear.specs());
  const Frame made = recipe.fit_transform(x, rows, target(), {});
  EXPECT_TRUE(made.find("price_number_1"));
  EXPECT_FALSE(made.find("price"));
}

TEST(Planner, ForALearnerColumnsMayBeSparseAndRowsToComeMayHaveHoles) {
  const auto rows = all_rows(kRows);
  const auto plan_with = [&](PlannerOptions options) {
    options.purpose = PlanPurpose::kLearner;
    return plan_recipe(table(), rows, target(), options, {});
  };
  const RecipePlan linear = plan_with({.tails = LongTails::kKeep});
  EXPECT_THAT(step_names(linear), ElementsAre("drop_constant", "drop_duplicate", "drop_id_like", "date_parts",
                                              "text_hash", "impute", "one_hot"));
  EXPECT_THAT(step(linear, "one_hot").reason, HasSubstr("`zip` (700 levels)"));
  EXPECT_EQ(fitted(linear).column("one_hot").type(), data::ColumnType::kSparse);
  const RecipePlan means = plan_with({.one_hot_levels = 10, .tails = LongTails::kRanks});
  EXPECT_THAT(step(means, "target_encode").spec.select.names, ElementsAre("town", "zip"));
  EXPECT_THAT(step(means, "quantile_transform").spec.select.names, ElementsAre("tail"));
  const RecipePlan trees = plan_with({LearnerFamily::kTrees});
  EXPECT_THAT(step(trees, "text_to_category").reason, HasSubstr("`text`"));
  EXPECT_EQ(fitted(trees).column("text").type(), data::ColumnType::kCategory);
  for (const auto filling : {Filling::kRegression, Filling::kNeighbours})
    EXPECT_THAT(step_names(plan_with({.filling = filling})), Not(::testing::Contains("impute")));
}

TEST(Planner, EmptyTablesHaveAPlanToo) {
  EXPECT_EQ(plan_recipe(Frame(), {}, {}, {}, {}).steps.size(), 1U);
  const Frame x = one_column(Column::from_float64({kNaN, kNaN}));
  const auto rows = all_rows(2);
  Recipe recipe(plan_recipe(x, rows, {}, {}, {}).specs());
  EXPECT_EQ(recipe.fit_transform(x, rows, {}, {}).n_rows(), 2U);
}

TEST(Planner, UnknownFamiliesAreNamed) {
  EXPECT_ERROR(family_from_name("tree"), kInvalidParameter,
               AllOf(HasSubstr("\"tree\""), HasSubstr("trees, linear")));
}

}  // namespace
}  // namespace kolosal::transform
