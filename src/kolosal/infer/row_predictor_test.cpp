#include "kolosal/infer/row_predictor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/counted_allocations.hpp"
#include "kolosal/infer/served_forests.hpp"

namespace kolosal::infer {
namespace {

using data::Column;
using data::Task;

/// Every type of column that a user's table has, with holes.
data::Frame mixed_table(std::size_t n) {
  Rng rng(5);
  std::vector<double> number(n);
  std::vector<std::int64_t> whole(n), moment(n);
  std::vector<std::uint8_t> flag(n);
  std::vector<std::int32_t> few(n), many(n);
  std::vector<std::optional<std::string>> text(n);
  data::Bitmap valid = data::all_present(n);
  for (std::size_t i = 0; i < n; ++i) {
    number[i] = rng.below(9) == 0 ? std::numeric_limits<double>::quiet_NaN() : rng.normal();
    whole[i] = static_cast<std::int64_t>(rng.below(50));
    moment[i] = static_cast<std::int64_t>(rng.below(1'000'000'000)) * 1'000'000'000;
    flag[i] = static_cast<std::uint8_t>(rng.below(2));
    few[i] = static_cast<std::int32_t>(rng.below(5)) - 1;
    many[i] = static_cast<std::int32_t>(rng.below(40));
    if (rng.below(6) != 0) text[i] = std::string(rng.below(2) ? "good" : "poor") + " word";
    if (rng.below(7) == 0) data::clear_bit(valid.data(), i);
  }
  std::vector<std::string> levels;
  for (int i = 0; i < 40; ++i) levels.push_back(std::to_string(i));
  const auto dictionary = [](std::vector<std::string> texts) {
    return std::make_shared<const data::Dictionary>(std::move(texts));
  };
  data::Frame out;
  out.add("number", Column::from_float64(number));
  out.add("whole", Column::from_int64(whole, valid));
  out.add("moment", Column::from_timestamp(moment, valid));
  out.add("flag", Column::from_bool(flag));
  out.add("few", Column::from_category(few, dictionary({"a", "b", "c", "d"})));
  out.add("many", Column::from_category(many, dictionary(levels)));
  out.add("text", Column::from_texts(text));
  return out;
}

std::vector<double> target_of(const data::Frame& x, Task task) {
  std::vector<double> out;
  for (std::size_t i = 0; i < x.n_rows(); ++i) {
    const double number = std::isnan(x.column(0).number(i)) ? 0 : x.column(0).number(i);
    const double signal = number + (x.column(4).codes()[i] == 2) + 0.02 * x.column(5).codes()[i];
    out.push_back(task == Task::kRegression ? signal
                  : task == Task::kBinary   ? signal > 0.6
                                            : (signal > 0) + (signal > 1));
  }
  return out;
}

/// Learners of every kind, on views as training makes them.
pipeline::Model make_model(const data::Frame& x, Task task, const std::vector<double>& target) {
  pipeline::Model out;
  out.task = task;
  out.target = "y";
  if (task == Task::kBinary) out.classes = {"no", "yes"};
  if (task == Task::kMulticlass) out.classes = {"low", "mid", "high"};
  out.target_low = -2;
  out.target_high = 2;
  const data::TargetView y{task, target, {}, out.classes.size()};
  std::vector<std::uint32_t> rows(x.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  out.schema = data::Schema::of(x);
  out.base = transform::Recipe({{"date_parts"}});
  const data::Frame base = out.base.fit_transform(x, rows, y, Context());
  out.views["trees"] = transform::Recipe({{"text_stats"}});
  out.views["linear"] =
      transform::Recipe({{"text_hash", {{"width", std::int64_t{64}}}}, {"impute", {{"indicator", true}}}});
  const auto add = [&](const std::string& learner, const std::string& view, const ParamMap& params,
                       const transform::Recipe& recipe, double weight) {
    if (!model::estimator_info(learner).unavailable().empty()) return;
    data::Frame seen = out.views.at(view).fit_transform(base, rows, y, Context());
    pipeline::Pipeline pipeline(recipe, learner, params);
    pipeline.fit(seen, y, {rows, {}}, Context());
    pipeline::Member member{learner, weight, view, {}};
    member.pipelines.push_back(std::move(pipeline));
    out.members.push_back(std::move(member));
  };
  add("lightgbm", "trees", {{"n_estimators", std::int64_t{20}}},
      transform::Recipe({{"target_encode", {{"keep", true}}}, {"arithmetic_pairs"}}), 0.4);
  add("extra_trees", "trees", {{"n_estimators", std::int64_t{5}}},
      transform::Recipe({{"frequency_encode"}, {"impute"}}), 0.2);
  add(task == Task::kRegression ? "ridge" : "logistic_regression", "linear", {},
      transform::Recipe({{"one_hot"}, {"scale", {}, {"numeric", {}}}}), 0.2);
  add("knn", "trees", {}, transform::Recipe({{"impute"}}), 0.05);
  add("ordered_boosting", "trees", {{"n_estimators", std::int64_t{80}}}, transform::Recipe(), 0.05);
  add("mlp", "linear", {{"hidden_size", std::int64_t{20}}}, transform::Recipe(), 0.05);
  if (task != Task::kRegression) add("gaussian_nb", "trees", {}, transform::Recipe(), 0.05);
  return out;
}

class RowPredictorOf : public ::testing::TestWithParam<Task> {};

TEST_P(RowPredictorOf, ARowGivesTheBytesOfTheTable) {
  const data::Frame x = mixed_table(300);
  const auto target = target_of(x, GetParam());
  const pipeline::Model model = make_model(x, GetParam(), target);
  const auto evaluators = serve_forests(model, std::nullopt);
  const RowPredictor predictor(model, evaluators);
  const auto wanted = model.predict(x, Context(), nullptr, evaluators);
  RowScratch scratch;
  std::vector<double> out(model.n_outputs());
  for (std::size_t row = 0; row < x.n_rows(); ++row) {
    const auto cells = predictor.begin_row(scratch);
    ASSERT_EQ(cells.size(), x.n_columns());
    for (std::size_t c = 0; c < cells.size(); ++c) cells[c] = data::cell_of(x.column(c), row, scratch.arena);
    predictor.predict(out, scratch);
    for (std::size_t k = 0; k < out.size(); ++k)
      ASSERT_EQ(out[k], wanted[row * out.size() + k]) << "row " << row << ", output " << k;
  }
  EXPECT_EQ(predictor.n_frame_parts(), 0U);
}

TEST_P(RowPredictorOf, ARowAllocatesNothingOnceTheBuffersAreWarm) {
  const data::Frame x = mixed_table(300);
  const auto target = target_of(x, GetParam());
  const pipeline::Model model = make_model(x, GetParam(), target);
  const auto evaluators = serve_forests(model, std::nullopt);
  const RowPredictor predictor(model, evaluators);
  ASSERT_EQ(predictor.n_frame_parts(), 0U);
  ASSERT_GE(model.members.size(), 6U);
  RowScratch scratch;
  std::vector<double> out(model.n_outputs());
  const auto predict = [&](std::size_t row) {
    const auto cells = predictor.begin_row(scratch);
    for (std::size_t c = 0; c < cells.size(); ++c) cells[c] = data::cell_of(x.column(c), row, scratch.arena);
    predictor.predict(out, scratch);
  };
  for (std::size_t row = 0; row < x.n_rows(); ++row) predict(row);
  const std::size_t before = allocations_of_thread();
  for (std::size_t row = 0; row < x.n_rows(); ++row) predict(row);
  EXPECT_EQ(allocations_of_thread() - before, 0U);
}

INSTANTIATE_TEST_SUITE_P(Tasks, RowPredictorOf,
                         ::testing::Values(Task::kBinary, Task::kMulticlass, Task::kRegression));

}  // namespace
}  // namespace kolosal::infer
