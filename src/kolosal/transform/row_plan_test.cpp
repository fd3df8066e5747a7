#include "kolosal/transform/row_plan.hpp"

#include <gtest/gtest.h>

#include "kolosal/transform/testing/compare_frames.hpp"
#include "kolosal/transform/testing/hostile_tables.hpp"

namespace kolosal::transform {
namespace {

using data::Frame;
using data::Task;

/// What a plan makes of a row of x, as a frame.
Frame row_by_plan(const RowPlan& plan, const RowColumns& made, const Frame& x, std::size_t row) {
  RowArena arena;
  std::vector<RowCell> cells(plan.n_slots());
  for (std::size_t c = 0; c < x.n_columns(); ++c) cells[c] = data::cell_of(x.column(c), row, arena);
  plan.run(cells, arena);
  std::vector<RowCell> out;
  for (const std::uint32_t slot : made.slots) out.push_back(cells[slot]);
  return data::frame_of_cells(made.header, out);
}

void expect_same_rows(const Recipe& recipe, const Frame& x) {
  RowPlan plan(x);
  const RowColumns made = plan.append(recipe, plan.inputs());
  const Frame whole = recipe.transform(x, {});
  ASSERT_EQ(made.header.names(), whole.names());
  for (std::size_t row = 0; row < x.n_rows(); row += 7) {
    const std::uint32_t picked[] = {static_cast<std::uint32_t>(row)};
    EXPECT_TRUE(same(bytes_of(row_by_plan(plan, made, x, row)), bytes_of(whole.take(picked))))
        << "row " << row;
  }
}

class RowPlanOfStep : public ::testing::TestWithParam<std::string> {};

TEST_P(RowPlanOfStep, GivesTheBytesOfTheFrame) {
  if (GetParam() == "fill_in_order") return;  // looks at the rows around
  const auto p = hostile_problem(100, Task::kMulticlass);
  auto all = variants_of(GetParam());
  all.insert(all.begin(), ParamMap());
  for (const ParamMap& params : all)
    for (const bool keep : {false, true}) {
      SCOPED_TRACE(params.empty() ? std::string("defaults") : params.begin()->first);
      Recipe recipe({StepSpec(GetParam(), params, {.types = "", .keep = keep})});
      recipe.fit_transform(p->x, p->rows, p->y, {});
      expect_same_rows(recipe, p->x);
    }
}

std::vector<std::string> all_steps() {
  std::vector<std::string> out;
  for (const TransformerInfo& info : transformers()) out.push_back(info.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Registry, RowPlanOfStep, ::testing::ValuesIn(all_steps()),
                         [](const auto& test) { return test.param; });

TEST(RowPlan, StepsWorkOnWhatEarlierOnesMadeAndRecipesOnOthers) {
  const auto p = hostile_problem(100, Task::kBinary);
  Recipe base({{"drop_constant"}, {"date_parts"}});
  const Frame after = base.fit_transform(p->x, p->rows, p->y, {});
  Recipe trees({{"target_encode", {{"keep", true}}}, {"arithmetic_pairs"}, {"frequency_encode"}});
  Recipe linear({{"impute", {{"indicator", true}}}, {"one_hot"}, {"scale", {}, {"numeric", {}}}});
  trees.fit_transform(after, p->rows, p->y, {});
  linear.fit_transform(after, p->rows, p->y, {});

  RowPlan plan(p->x);
  const RowColumns base_columns = plan.append(base, plan.inputs());
  const RowColumns tree_columns = plan.append(trees, base_columns);
  const RowColumns linear_columns = plan.append(linear, base_columns);
  EXPECT_EQ(plan.n_frame_steps(), 0U);
  const Frame x = base.transform(p->x, {});
  const Frame wanted_trees = trees.transform(x, {}), wanted_linear = linear.transform(x, {});
  for (std::uint32_t row = 0; row < 100; row += 9) {
    const std::uint32_t picked[] = {row};
    EXPECT_TRUE(
        same(bytes_of(row_by_plan(plan, tree_columns, p->x, row)), bytes_of(wanted_trees.take(picked))));
    EXPECT_TRUE(
        same(bytes_of(row_by_plan(plan, linear_columns, p->x, row)), bytes_of(wanted_linear.take(picked))));
  }
}

TEST(RowPlan, CrossesAreNoFrames) {
  const auto p = hostile_problem(100, Task::kMulticlass);
  for (const bool encode : {false, true}) {
    Recipe recipe({StepSpec("category_cross", {{"encode", encode}})});
    recipe.fit_transform(p->x, p->rows, p->y, {});
    RowPlan plan(p->x);
    const RowColumns made = plan.append(recipe, plan.inputs());
    EXPECT_EQ(plan.n_frame_steps(), 0U);
    EXPECT_GT(made.header.n_columns(), p->x.n_columns());
    expect_same_rows(recipe, p->x);
  }
}

TEST(RowPlan, StepsOfTextsAreNoFrames) {
  const Frame x({"note"},
                {data::Column::from_texts({"3 of 5 apples, 2 pears", "two pears", std::nullopt, "",
                                           "10 % of the apples", "pears and apples", "apples", "1,200"})});
  const std::vector<std::uint32_t> rows = {0, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<double> target = {0, 1, 0, 1, 0, 1, 0, 1};
  for (const StepSpec& step :
       {StepSpec("text_tfidf"),
        StepSpec("text_tfidf", {{"analyzer", "char_wb"}, {"ngram_max", std::int64_t{3}}}),
        StepSpec("text_tokens", {{"min_rows", std::int64_t{1}}}),
        StepSpec("text_numbers", {{"keep", true}})}) {
    Recipe recipe({step});
    recipe.fit_transform(x, rows, {Task::kBinary, target, {}, 2}, {});
    RowPlan plan(x);
    const RowColumns made = plan.append(recipe, plan.inputs());
    EXPECT_EQ(plan.n_frame_steps(), 0U);
    const Frame whole = recipe.transform(x, {});
    for (const std::uint32_t row : rows) {
      const std::uint32_t picked[] = {row};
      EXPECT_TRUE(same(bytes_of(row_by_plan(plan, made, x, row)), bytes_of(whole.take(picked))))
          << step.name << row;
    }
  }
}

TEST(RowPlan, AStepThatLeavesNoColumnLeavesOneOfZeros) {
  const Frame x({"constant"}, {data::Column::from_float64({3, 3, 3, 3, 3, 3, 3, 3})});
  const std::vector<std::uint32_t> rows = {0, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<double> target = {0, 1, 0, 1, 0, 1, 0, 1};
  Recipe recipe({{"drop_constant"}});
  recipe.fit_transform(x, rows, {Task::kBinary, target, {}, 2}, {});
  expect_same_rows(recipe, x);
}

}  // namespace
}  // namespace kolosal::transform
