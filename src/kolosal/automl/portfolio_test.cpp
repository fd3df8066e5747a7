#include "kolosal/automl/portfolio.hpp"

#include <set>

#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::automl {
namespace {

using data::Task;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Not;

std::vector<TableShape> many_shapes() {
  std::vector<TableShape> out;
  for (const auto& [task, n_classes] :
       {std::pair{Task::kRegression, 0}, {Task::kBinary, 2}, {Task::kMulticlass, 3}, {Task::kMulticlass, 50}})
    for (const std::size_t n_rows : {4, 60, 1'000, 50'000, 5'000'000})
      for (const auto& [n_numeric, n_category, n_text] :
           {std::tuple{5, 3, 0}, {0, 4, 0}, {6, 0, 0}, {1, 0, 0}, {0, 0, 2}, {500, 0, 0}, {200, 200, 1}})
        out.push_back({task, n_rows, static_cast<std::size_t>(n_classes), static_cast<std::size_t>(n_numeric),
                       static_cast<std::size_t>(n_category), static_cast<std::size_t>(n_text), 40});
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
    auto entries = make_portfolio(shape);
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

TEST(Portfolio, LeavesOutWhatMakesNoSense) {
  const auto views_of = [](const TableShape& shape) {
    std::vector<std::string> out;
    for (const Candidate& entry : make_portfolio(shape)) out.push_back(entry.view);
    return out;
  };
  EXPECT_THAT(views_of({Task::kBinary, 5000, 2, 6, 0, 0, 0}), Not(Contains("encoded")));  // nothing to encode
  EXPECT_THAT(views_of({Task::kBinary, 5000, 2, 0, 4, 0, 9}), Not(Contains("pairs")));    // nothing to pair
  EXPECT_EQ(make_portfolio({Task::kBinary, 5000, 2, 0, 0, 2, 0}).front().estimator,
            "logistic_regression");  // texts first
  EXPECT_EQ(make_portfolio({Task::kRegression, 5000, 0, 6, 0, 0, 0}).front().estimator, "lightgbm");
}

TEST(Portfolio, ShapeCountsColumnsByKind) {
  data::Frame table = made_table(Task::kBinary, 30);
  table.add("note", data::Column::from_texts(std::vector<std::optional<std::string>>(30, "some words")));
  const MadeTarget y = target_of(table, Task::kBinary);
  const TableShape shape = shape_of(table.without(std::vector<std::string>{"y"}), y.view(), 24);
  EXPECT_EQ(shape.task, Task::kBinary);
  EXPECT_EQ(shape.n_rows, 24U);
  EXPECT_EQ(shape.n_classes, 2U);
  EXPECT_EQ(shape.n_numeric, 2U);
  EXPECT_EQ(shape.n_category, 1U);
  EXPECT_EQ(shape.n_text, 1U);
  EXPECT_EQ(shape.max_levels, 3);
  EXPECT_EQ(shape.n_columns(), 4U);
}

}  // namespace
}  // namespace kolosal::automl
