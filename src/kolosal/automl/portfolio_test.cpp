#include "kolosal/automl/portfolio.hpp"

#include <set>

#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/transform/resampler.hpp"

namespace kolosal::automl {
namespace {

using data::Task;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Not;

/// A shape whose columns are of that many of each kind: numbers with holes and long tails, categories of 40
/// levels.
TableShape shape_with(data::Task task, std::size_t n_rows, std::size_t n_classes, std::size_t n_numeric,
                      std::size_t n_category, std::size_t n_text, std::int32_t max_levels) {
  TableShape out{task, n_rows, n_classes, n_numeric, n_category, n_text, max_levels};
  const auto add = [&](std::size_t n, data::ColumnType type) {
    for (std::size_t i = 0; i < n; ++i) {
      profile::ColumnProfile column;
      column.name = fmt::format("column {}", out.columns.size());
      column.type = type;
      column.n_rows = n_rows;
      column.n_missing = i % 2;
      column.n_distinct = type == data::ColumnType::kFloat64 ? n_rows : static_cast<std::size_t>(max_levels);
      if (type == data::ColumnType::kFloat64) column.numbers.emplace().skewness = static_cast<double>(i);
      out.columns.push_back(std::move(column));
    }
  };
  add(n_numeric, data::ColumnType::kFloat64);
  add(n_category, data::ColumnType::kCategory);
  add(n_text, data::ColumnType::kText);
  return out;
}

std::vector<TableShape> many_shapes() {
  std::vector<TableShape> out;
  for (const auto& [task, n_classes] :
       {std::pair{Task::kRegression, 0}, {Task::kBinary, 2}, {Task::kMulticlass, 3}, {Task::kMulticlass, 50}})
    for (const std::size_t n_rows : {4, 60, 1'000, 50'000, 5'000'000})
      for (const auto& [n_numeric, n_category, n_text] :
           {std::tuple{5, 3, 0}, {0, 4, 0}, {6, 0, 0}, {1, 0, 0}, {0, 0, 2}, {500, 0, 0}, {200, 200, 1}})
        out.push_back(shape_with(task, n_rows, static_cast<std::size_t>(n_classes),
                                 static_cast<std::size_t>(n_numeric), static_cast<std::size_t>(n_category),
                                 static_cast<std::size_t>(n_text), 40));
  return out;
}

std::string describe(const TableShape& s) {
  return fmt::format("{} rows {} classes {} numeric {} category {} text {}", data::task_name(s.task),
                     s.n_rows, s.n_classes, s.n_numeric, s.n_category, s.n_text);
}

TEST(Portfolio, EntriesNameViewsLearnersAndLegalParameters) {
  for (const TableShape& shape : many_shapes()) {
    SCOPED_TRACE(describe(shape));
    std::set<std::string> views;
    for (const View& view : make_views(shape)) {
      views.insert(view.name);
      EXPECT_FALSE(transform::Recipe(view.shared).uses_target())
          << view.name << ": shared steps would see the target of validation rows";
      EXPECT_NO_THROW(transform::Recipe{view.per_fold}) << view.name;
    }
    auto entries = with_every_learner(make_portfolio(shape), shape);
    entries.push_back(constant_candidate());
    for (const Candidate& entry : entries) {
      SCOPED_TRACE(entry.label);
      EXPECT_TRUE(views.contains(entry.view)) << entry.view;
      EXPECT_GT(entry.cost, 0);
      EXPECT_NO_THROW(model::make_estimator(entry.estimator, entry.params));
      EXPECT_THAT(model::estimator_info(entry.estimator).tasks, Contains(shape.task));
    }
  }
}

TEST(Portfolio, HasAFewEntriesWithDifferentLabelsForEveryShape) {
  for (const TableShape& shape : many_shapes()) {
    SCOPED_TRACE(describe(shape));
    std::set<std::string> labels, learners;
    for (const Candidate& entry : make_portfolio(shape)) {
      EXPECT_TRUE(labels.insert(entry.label).second) << entry.label;
      learners.insert(entry.estimator);
    }
    EXPECT_GE(labels.size(), 8U);
    EXPECT_GE(learners.size(), 4U);
  }
}

TEST(Portfolio, EveryLearnerThatCanLearnTheTableHasAnEntryWhenItIsAskedFor) {
  for (TableShape shape : many_shapes()) {
    SCOPED_TRACE(describe(shape));
    const auto entries = with_every_learner(make_portfolio(shape), shape);
    std::set<std::string> learners, labels;
    for (const Candidate& entry : entries) {
      learners.insert(entry.estimator);
      EXPECT_TRUE(labels.insert(entry.label).second) << entry.label;
    }
    for (const model::EstimatorInfo& info : model::estimators()) {
      const bool takes_no_part = info.name == "constant" || info.name == "quantile_regression" ||
                                 std::ranges::find(info.tasks, shape.task) == info.tasks.end();
      EXPECT_EQ(learners.contains(info.name), !takes_no_part) << info.name;
    }
  }
  TableShape signs = shape_with(Task::kBinary, 500, 2, 2, 0, 0, 0);
  EXPECT_TRUE(plain_candidate(model::estimator_info("multinomial_nb"), signs));
  signs.columns.front().numbers->n_negative = 3;
  EXPECT_FALSE(plain_candidate(model::estimator_info("multinomial_nb"), signs)) << "it takes counts";
  TableShape counts = shape_with(Task::kRegression, 500, 0, 5, 0, 0, 0);
  const auto family = [&] {
    return std::get<std::string>(plain_candidate(model::estimator_info("glm"), counts)->params.at("family"));
  };
  counts.is_count = true;
  EXPECT_EQ(family(), "poisson");
  counts.is_count = false;
  EXPECT_EQ(family(), "tweedie");
  counts.target_minimum = 0.5;
  EXPECT_EQ(family(), "gamma");
  counts.target_minimum = -1;
  EXPECT_FALSE(plain_candidate(model::estimator_info("glm"), counts));
}

TEST(Portfolio, LeavesOutWhatMakesNoSense) {
  const auto views_of = [](const TableShape& shape) {
    std::vector<std::string> out;
    for (const Candidate& entry : make_portfolio(shape)) out.push_back(entry.view);
    return out;
  };
  EXPECT_THAT(views_of(shape_with(Task::kBinary, 5000, 2, 6, 0, 0, 0)),
              Not(Contains("encoded")));  // nothing to encode
  EXPECT_THAT(views_of(shape_with(Task::kBinary, 5000, 2, 0, 4, 0, 9)),
              Not(Contains("pairs")));  // nothing to pair
  EXPECT_EQ(make_portfolio(shape_with(Task::kBinary, 5000, 2, 0, 0, 2, 0)).front().estimator,
            "logistic_regression");  // texts first
  EXPECT_EQ(make_portfolio(shape_with(Task::kRegression, 5000, 0, 6, 0, 0, 0)).front().estimator, "lightgbm");
}

TEST(Portfolio, ShapeCountsColumnsByKind) {
  data::Frame table = made_table(Task::kBinary, 30);
  table.add("note", data::Column::from_texts(std::vector<std::optional<std::string>>(30, "some words")));
  const MadeTarget y = target_of(table, Task::kBinary);
  const TableShape shape = shape_of(table.without(std::vector<std::string>{"y"}), y.view(), 24, {});
  EXPECT_EQ(shape.task, Task::kBinary);
  EXPECT_EQ(shape.n_rows, 24U);
  EXPECT_EQ(shape.n_classes, 2U);
  EXPECT_EQ(shape.n_numeric, 2U);
  EXPECT_EQ(shape.n_category, 1U);
  EXPECT_EQ(shape.n_text, 1U);
  EXPECT_EQ(shape.max_levels, 3);
  EXPECT_EQ(shape.n_columns(), 4U);
}

TEST(Views, EveryStepHasAReason) {
  for (const TableShape& shape : many_shapes())
    for (const View& view : make_views(shape)) {
      for (const auto& step : view.plan.steps)
        EXPECT_NE(step.reason, "") << view.name << " " << step.spec.name;
      EXPECT_EQ(view.plan.steps.size(), view.shared.size() + view.per_fold.size());
    }
}

std::vector<std::string> step_names(const std::vector<transform::StepSpec>& steps) {
  std::vector<std::string> out;
  for (const auto& step : steps) out.push_back(step.name);
  return out;
}

TEST(Views, LinearModelsGetFilledAndEncodedColumnsAndTreesGetThemAsTheyAre) {
  const auto views = make_views(shape_with(Task::kBinary, 5000, 2, 5, 3, 0, 40));
  const auto view = [&](const std::string& name) { return *std::ranges::find(views, name, &View::name); };
  EXPECT_THAT(step_names(view("native").shared), ::testing::IsEmpty());
  EXPECT_THAT(step_names(view("encoded").per_fold), ::testing::ElementsAre("target_encode"));
  EXPECT_THAT(step_names(view("linear").shared), ::testing::ElementsAre("impute", "one_hot"));
  EXPECT_THAT(step_names(view("linear_power").shared),
              ::testing::ElementsAre("impute", "power_transform", "one_hot"));
  EXPECT_THAT(step_names(view("linear_means").per_fold), ::testing::ElementsAre("target_encode"));
  EXPECT_THAT(step_names(view("linear_regressed").shared),
              ::testing::ElementsAre("iterative_impute", "one_hot"));
}

TEST(Views, InterchangeableOnesDiffer) {
  EXPECT_THAT(interchangeable_views(make_views(shape_with(Task::kBinary, 5000, 2, 5, 3, 0, 40))),
              ::testing::ElementsAre("native", "encoded", "encoded_pairs", "pairs", "encoded_only"));
  EXPECT_THAT(interchangeable_views(make_views(shape_with(Task::kBinary, 5000, 2, 5, 0, 0, 0))),
              ::testing::ElementsAre("native", "encoded_pairs"));
}

TEST(Portfolio, OtherChoicesOfThePlannerComeAfterWhatNearlyAlwaysPays) {
  const auto entries = make_portfolio(shape_with(Task::kBinary, 5000, 2, 5, 3, 0, 40));
  const auto at = [&](const std::string& label) {
    return std::ranges::find(entries, label, &Candidate::label) - entries.begin();
  };
  EXPECT_LT(at("lightgbm fast"), at("linear"));
  EXPECT_LT(at("linear"), at("linear power"));
  EXPECT_LT(at("random forest"), at("linear power"));
  EXPECT_LT(static_cast<std::size_t>(at("linear means")), entries.size());
}

TEST(Portfolio, RareClassesAreResampledAndWideTablesLoseColumns) {
  const auto labels_of = [](TableShape shape, double rarest_class) {
    shape.rarest_class = rarest_class;
    std::vector<std::string> out;
    for (const Candidate& entry : make_portfolio(shape)) {
      out.push_back(entry.label);
      if (entry.choices.resampler) {
        EXPECT_NO_THROW(transform::make_resampler(entry.choices.resampler->name));
      }
    }
    return out;
  };
  EXPECT_THAT(labels_of(shape_with(Task::kBinary, 5000, 2, 6, 0, 0, 0), 0.02),
              Contains("lightgbm undersampled"));
  EXPECT_THAT(labels_of(shape_with(Task::kBinary, 5000, 2, 6, 0, 0, 0), 0.4),
              Not(Contains("lightgbm undersampled")));
  EXPECT_THAT(labels_of(shape_with(Task::kBinary, 5000, 2, 100, 0, 0, 0), 0.4),
              Contains("lightgbm selected"));
  EXPECT_THAT(labels_of(shape_with(Task::kBinary, 5000, 2, 6, 0, 0, 0), 0.4),
              Not(Contains("lightgbm selected")));
}

}  // namespace
}  // namespace kolosal::automl
