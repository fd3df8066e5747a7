#include "kolosal/infer/row_predictor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/testing/counted_allocations.hpp"
#include "kolosal/infer/quantization/quantized_model.hpp"
#include "kolosal/infer/served_forests.hpp"
#include "kolosal/infer/testing/mixed_model.hpp"
#include "kolosal/model/quantile_learner.hpp"

namespace kolosal::infer {
namespace {

using data::Task;

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
  const data::Frame x = testing::mixed_table(300);
  const auto target = testing::mixed_target(x, GetParam());
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
  const data::Frame x = testing::mixed_table(300);
  const auto target = testing::mixed_target(x, GetParam());
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

TEST(RowPredictor, NetworksAndNeighboursInWholeNumbersAllocateNothingEither) {
  for (const std::string learner : {"mlp", "knn"}) {
    SCOPED_TRACE(learner);
    ParamMap params;
    if (learner == "mlp") params = {{"n_epochs", std::int64_t{1}}, {"hidden_size", std::int64_t{256}}};
    artifact::ContainerWriter writer;
    testing::mixed_model(Task::kRegression, learner, params, {}).save(writer);
    writer.add_json("manifest", nlohmann::json::object());
    const auto plain = std::make_shared<std::vector<std::byte>>(writer.bytes());
    std::vector<QuantizedPart> parts;
    const auto small = std::make_shared<std::vector<std::byte>>(quantize_model(
        artifact::Container::from_memory(*plain, plain, "plain"), QuantizedType::kInt8, parts));
    ASSERT_THAT(parts[0].computed, ::testing::HasSubstr("whole numbers"));
    const auto model = pipeline::Model::load(artifact::Container::from_memory(*small, small, "small"));
    const pipeline::Member& member = model.members[0];
    const model::Estimator& estimator = member.pipelines[0].estimator();
    const data::Frame raw = model.schema.conform(testing::plain_mixed_table(100));
    const data::Frame x = model.views.at(member.view)
                              .transform(model.base.transform(raw, Context()), Context())
                              .select(estimator.feature_names());
    const auto evaluator = estimator.row_evaluator();
    data::RowArena arena;
    std::vector<data::RowCell> cells(x.n_columns());
    double out = 0;
    const auto predict = [&](std::size_t row) {
      for (std::size_t c = 0; c < cells.size(); ++c) cells[c] = data::cell_of(x.column(c), row, arena);
      evaluator->predict(cells, {&out, 1});
    };
    for (std::size_t row = 0; row < x.n_rows(); ++row) predict(row);
    const std::size_t before = allocations_of_thread();
    for (std::size_t row = 0; row < x.n_rows(); ++row) predict(row);
    EXPECT_EQ(allocations_of_thread() - before, 0U);
  }
}

TEST(RowPredictor, QuantilesOfTreesAndOfLinearLearnersGiveTheBytesOfTheTable) {
  const data::Frame table = testing::mixed_table(200);
  const std::vector<std::string> columns = {"number", "few", "many"};
  const data::Frame x = table.select(columns);
  const auto target = testing::mixed_target(table, Task::kRegression);
  std::vector<std::uint32_t> rows(x.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  for (const std::string learner : {"lightgbm", "xgboost", "quantile_regression"}) {
    if (!model::estimator_info(learner).unavailable().empty()) continue;
    SCOPED_TRACE(learner);
    pipeline::Model model;
    model.task = Task::kRegression;
    model.target = "y";
    model.quantiles = {0.1, 0.5, 0.9};
    model.target_low = -10;
    model.target_high = 10;
    const data::TargetView y{Task::kRegression, target, {}, 0, model.quantiles};
    model.schema = data::Schema::of(x);
    model.base = transform::Recipe({{"impute"}});
    const data::Frame seen = model.base.fit_transform(x, rows, y, Context());
    model.views["v"].fit_transform(seen, rows, y, Context());
    transform::Recipe recipe;
    recipe.fit_transform(seen, rows, y, Context());
    const auto estimator = model::make_estimator(learner, {}, model.quantiles);
    estimator->fit({&seen, y}, nullptr, {rows, {}}, Context());
    artifact::Node node;
    pipeline::Pipeline::save_parts(node, learner, {}, recipe, *estimator, {}, {});
    pipeline::Pipeline pipeline = pipeline::Pipeline::load(node);
    pipeline::Member member{learner, 1, "v", {}};
    member.pipelines.push_back(std::move(pipeline));
    model.members.push_back(std::move(member));
    const auto evaluators = serve_forests(model, std::nullopt);
    const RowPredictor predictor(model, evaluators);
    EXPECT_EQ(predictor.n_frame_parts(), 0U);
    const auto wanted = model.predict(x, Context(), nullptr, evaluators);
    RowScratch scratch;
    std::vector<double> out(3);
    for (std::size_t row = 0; row < x.n_rows(); ++row) {
      const auto cells = predictor.begin_row(scratch);
      for (std::size_t c = 0; c < cells.size(); ++c)
        cells[c] = data::cell_of(x.column(c), row, scratch.arena);
      predictor.predict(out, scratch);
      for (std::size_t k = 0; k < 3; ++k) ASSERT_EQ(out[k], wanted[row * 3 + k]) << "row " << row;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tasks, RowPredictorOf,
                         ::testing::Values(Task::kBinary, Task::kMulticlass, Task::kRegression));

}  // namespace
}  // namespace kolosal::infer
