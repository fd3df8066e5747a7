#include "kolosal/infer/exporters/exported_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/infer/exporters/c_exporter.hpp"
#include "kolosal/infer/exporters/export_check.hpp"
#include "kolosal/infer/exporters/json_exporter.hpp"
#include "kolosal/infer/exporters/onnx_exporter.hpp"
#include "kolosal/infer/exporters/pmml_exporter.hpp"
#include "kolosal/infer/exporters/pmml_expressions.hpp"
#include "kolosal/infer/exporters/reference_rows.hpp"
#include "kolosal/infer/importers/onnx_runtime.hpp"
#include "kolosal/infer/testing/mixed_model.hpp"

namespace kolosal::infer::exporters {
namespace {

using data::Task;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Case {
  std::string name;
  std::string learner;
  Task task = Task::kBinary;
  ParamMap params = {};
  std::vector<transform::StepSpec> steps = {};
  double tolerance = 1e-12;
};

const std::vector<transform::StepSpec> kImputed = {{"impute", {{"indicator", true}}}};
const std::vector<transform::StepSpec> kLinearSteps = {
    {"impute", {{"indicator", true}}}, {"one_hot"}, {"scale", {{"clip", 4.0}}, {"numeric", {}}}};

const std::vector<transform::StepSpec> kCounts = {
    {"impute", {{"indicator", true}}},
    {"one_hot"},
    {"clip", {{"lower", 0.0}, {"upper", 9.0}}, {"numeric", {}}}};

std::vector<Case> cases() {
  const auto few_trees = ParamMap{{"n_estimators", std::int64_t{12}}};
  std::vector<Case> out = {
      {"lightgbm_levels", "lightgbm", Task::kBinary, few_trees},
      {"lightgbm_classes", "lightgbm", Task::kMulticlass, few_trees},
      {"lightgbm_steps",
       "lightgbm",
       Task::kRegression,
       few_trees,
       {{"target_encode", {{"keep", true}}}, {"arithmetic_pairs"}}},
      {"lightgbm_crossed",
       "lightgbm",
       Task::kBinary,
       few_trees,
       {{"category_cross", {{"choose", std::string("all")}, {"encode", true}}}}},
      {"lightgbm_focal",
       "lightgbm",
       Task::kBinary,
       {{"n_estimators", std::int64_t{12}}, {"objective", std::string("focal")}}},
      {"xgboost", "xgboost", Task::kBinary, few_trees},
      {"xgboost_ranks",
       "xgboost",
       Task::kRegression,
       few_trees,
       {{"frequency_encode"}, {"log1p", {}, {"numeric", {}}}}},
      {"extra_trees", "extra_trees", Task::kMulticlass, few_trees, {{"ordinal_encode"}, {"impute"}}},
      {"random_forest",
       "random_forest",
       Task::kRegression,
       few_trees,
       {{"group_rare"}, {"weight_of_evidence"}, {"impute"}}},
      {"ordered_boosting", "ordered_boosting", Task::kBinary, few_trees},
      {"ordered_boosting_classes", "ordered_boosting", Task::kMulticlass, few_trees},
      {"ridge_powers",
       "ridge",
       Task::kRegression,
       {},
       {{"iterative_impute"}, {"power_transform"}, {"one_hot"}},
       1e-9},
      {"ridge", "ridge", Task::kRegression, {}, kLinearSteps},
      {"ranks_normal",
       "ridge",
       Task::kRegression,
       {},
       {{"impute"},
        {"quantile_transform",
         {{"output_distribution", std::string("normal")}, {"n_quantiles", std::int64_t{37}}},
         {"numeric", {}}},
        {"one_hot"}},
       1e-11},
      {"ranks_even", "lightgbm", Task::kBinary, few_trees, {{"quantile_transform", {}, {"numeric", {}}}}},
      {"logistic", "logistic_regression", Task::kBinary, {}, kLinearSteps},
      {"logistic_levels", "logistic_regression", Task::kMulticlass, {}, kImputed},
      {"svm", "linear_svm", Task::kMulticlass, {}, kLinearSteps},
      {"constant", "constant", Task::kMulticlass},
      {"gaussian", "gaussian_nb", Task::kBinary, {}, {}, 1e-9},
      {"gaussian_classes", "gaussian_nb", Task::kMulticlass, {}, {{"scale", {}, {"numeric", {}}}}, 1e-9},
      {"multinomial", "multinomial_nb", Task::kMulticlass, {}, kCounts, 1e-9},
      {"bernoulli", "bernoulli_nb", Task::kBinary, {{"binarize", 0.5}}, kLinearSteps, 1e-9},
      {"bernoulli_classes", "bernoulli_nb", Task::kMulticlass, {}, kImputed, 1e-9},
      {"pca_ridge",
       "ridge",
       Task::kRegression,
       {},
       {{"pca", {{"n_components", std::int64_t{3}}}, {"numeric", {}}}, {"one_hot"}},
       1e-9},
      {"pca_trees",
       "lightgbm",
       Task::kBinary,
       few_trees,
       {{"scale", {{"clip", 4.0}}, {"numeric", {}}}, {"pca", {{"whiten", true}}, {"numeric", {}}}},
       1e-9},
      {"projection",
       "logistic_regression",
       Task::kMulticlass,
       {},
       {{"clip", {}, {"numeric", {}}},
        {"one_hot"},
        {"random_projection", {{"n_components", std::int64_t{6}}}, {"numeric,sparse", {}}}},
       1e-9},
      {"svd",
       "logistic_regression",
       Task::kBinary,
       {},
       {{"impute"}, {"one_hot"}, {"truncated_svd", {{"n_components", std::int64_t{5}}}}},
       1e-9},
  };
  for (const auto& weights : {"uniform", "distance"})
    for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
      out.push_back({fmt::format("knn_{}_{}", weights, data::task_name(task)),
                     "knn",
                     task,
                     {{"weights", std::string(weights)}},
                     {},
                     1e-12});
  for (const auto& encoding : {"plain", "piecewise", "periodic"})
    out.push_back({fmt::format("mlp_{}", encoding),
                   "mlp",
                   Task::kBinary,
                   {{"number_encoding", std::string(encoding)},
                    {"n_epochs", std::int64_t{2}},
                    {"hidden_size", std::int64_t{16}},
                    {"max_onehot", std::int64_t{8}}},
                   {},
                   2e-6});
  out.push_back({"mlp_classes",
                 "mlp",
                 Task::kMulticlass,
                 {{"normalization", std::string("layer")},
                  {"n_epochs", std::int64_t{2}},
                  {"hidden_size", std::int64_t{16}},
                  {"n_seeds", std::int64_t{2}}},
                 kLinearSteps,
                 2e-6});
  out.push_back({"mlp_value",
                 "mlp",
                 Task::kRegression,
                 {{"n_epochs", std::int64_t{2}}, {"hidden_size", std::int64_t{16}}},
                 {},
                 1e-5});
  std::erase_if(out, [](const Case& c) { return !model::estimator_info(c.learner).unavailable().empty(); });
  return out;
}

class Describing : public ::testing::TestWithParam<Case> {};

TEST_P(Describing, CarriedOutItPredictsWhatTheModelPredicts) {
  const Case& c = GetParam();
  const pipeline::Model model = testing::mixed_model(c.task, c.learner, c.params, c.steps);
  const ExportedModel exported = describe_model(model);
  for (const data::Frame& rows : {reference_rows(model.schema, 200, 3), testing::plain_mixed_table(150)}) {
    // Linear learners refuse what they can not read; the steps above leave them nothing of that kind.
    const auto wanted = model.predict(rows, Context());
    const auto found = evaluate(exported, model.schema, rows);
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      ASSERT_NEAR(found[i], wanted[i], c.tolerance * std::max(1.0, std::fabs(wanted[i]))) << i;
  }
}

TEST_P(Describing, EveryWriterTakesIt) {
  const Case& c = GetParam();
  const ExportedModel exported = describe_model(testing::mixed_model(c.task, c.learner, c.params, c.steps));
  const auto json = nlohmann::json::parse(export_json(exported));
  EXPECT_EQ(json["operations"].size(), exported.operations.size());
  EXPECT_THAT(export_c(exported, "int"), HasSubstr("void int__predict(const int__row* row, double* out)"));
  if (c.learner == "mlp" || c.learner == "knn" || c.name == "lightgbm_focal" || c.name.starts_with("ranks"))
    EXPECT_ERROR(export_pmml(exported), kUnsupported, HasSubstr("PMML"));
  else
    EXPECT_THAT(export_pmml(exported), HasSubstr("</PMML>"));
  if (c.learner == "constant")
    EXPECT_ERROR(export_onnx(exported, "m"), kUnsupported, HasSubstr("same for every row"));
  else
    EXPECT_GT(export_onnx(exported, "m").size(), 200U);
}

CheckedRows checked_rows(const pipeline::Model& model) {
  data::Frame rows = reference_rows(model.schema, 200, 3);
  auto wanted = model.predict(rows, Context());
  return {"drawn from the schema", std::move(rows), std::move(wanted)};
}

TEST_P(Describing, OnnxRuntimePredictsTheSameAndTheFileIsReadAgain) {
  const Case& c = GetParam();
  if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  if (c.learner == "constant") return;  // has no form in ONNX, see above
  const pipeline::Model model = testing::mixed_model(c.task, c.learner, c.params, c.steps);
  const auto file = export_onnx(describe_model(model), "m");
  const CheckedRows rows = checked_rows(model);
  EXPECT_LE(check_by_onnx_runtime(file, model, rows).max_difference, 1e-5);
  const ImportedModel again = import_model(ForeignFormat::kOnnx, file);
  EXPECT_EQ(again.model.task, c.task);
  EXPECT_EQ(again.model.classes, model.classes);
  const auto found = again.model.predict(again.model.schema.conform(rows.frame), Context());
  EXPECT_LE(compare_predictions("what was read again", rows, found).max_difference, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Learners, Describing, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

TEST(ExportedModel, CalibrationsAndFactorsAreOperations) {
  using model::CalibrationKind;
  pipeline::Model binary = testing::mixed_model(Task::kBinary, "logistic_regression", {}, kLinearSteps);
  pipeline::Model three = testing::mixed_model(Task::kMulticlass, "logistic_regression", {}, kLinearSteps);
  const std::vector<std::pair<pipeline::Model*, model::Calibrator>> all = {
      {&binary, {CalibrationKind::kTemperature, {1.7}, {}, {}}},
      {&binary, {CalibrationKind::kPlatt, {0.8, 0.3}, {}, {}}},
      {&binary, {CalibrationKind::kBeta, {0.8, 1.2, -0.1}, {}, {}}},
      {&binary, {CalibrationKind::kIsotonic, {}, {0.1, 0.4, 0.8}, {0.05, 0.5, 0.9}}},
      {&three, {CalibrationKind::kTemperature, {0.6}, {}, {}}},
      {&three, {CalibrationKind::kPlattPerClass, {1, 0.1, 0.9, -0.2, 1.1, 0}, {}, {}}},
  };
  for (const auto& [model, calibrator] : all) {
    model->calibrator = calibrator;
    const auto rows = reference_rows(model->schema, 100, 4);
    EXPECT_THAT(evaluate(describe_model(*model), model->schema, rows),
                ::testing::Pointwise(NanSensitiveDoubleNear(1e-12), model->predict(rows, Context())))
        << calibration_name(calibrator.kind);
  }
}

TEST(ExportedModel, AGraphThatPredictsOrLabelsOtherwiseIsRefused) {
  if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  const pipeline::Model model = testing::mixed_model(Task::kBinary, "logistic_regression", {}, kLinearSteps);
  const CheckedRows rows = checked_rows(model);
  const ExportedModel right = describe_model(model);
  const auto check = [&](const ExportedModel& exported) {
    return check_by_onnx_runtime(export_onnx(exported, "m"), model, rows);
  };
  EXPECT_LE(check(right).max_difference, 1e-9);
  ExportedModel wrong = right;
  for (ExportedOperation& operation : wrong.operations)
    if (auto* const linear = std::get_if<LinearOperation>(&operation)) linear->intercept[0] += 0.01;
  EXPECT_ERROR(check(wrong), kUnsupported,
               AllOf(HasSubstr("ONNX Runtime"), HasSubstr("nothing was written")));
  wrong = right;
  wrong.threshold = 0.9;
  EXPECT_ERROR(check(wrong), kUnsupported, HasSubstr("labels row"));
  wrong = right;
  std::ranges::reverse(wrong.classes);
  EXPECT_ERROR(check(wrong), kUnsupported, HasSubstr("labels row"));
  std::vector<std::byte> cut = export_onnx(right, "m");
  cut.resize(cut.size() / 2);
  EXPECT_ERROR(check_by_onnx_runtime(cut, model, rows), kModel, HasSubstr("does not run"));
}

std::size_t n_parts(const PmmlExpression& expression) {
  std::size_t out = 1;
  for (const PmmlExpression& argument : expression.arguments) out += n_parts(argument);
  return out;
}

TEST(ExportedModel, PmmlOfManyClassesGrowsWithTheirNumber) {
  const auto size_of = [](RowFunction function, std::uint32_t width) {
    std::vector<PmmlExpression> in;
    for (std::uint32_t k = 0; k < width; ++k) in.push_back(pmml_field(fmt::format("x{}", k)));
    std::size_t out = 0;
    const auto derive = [&](std::string_view part, const PmmlExpression& expression) {
      out += n_parts(expression);
      return pmml_field(std::string(part));
    };
    const RowOperation operation{function, 0, width, width, std::vector<double>(2 * width, 0.5)};
    for (const PmmlExpression& one : pmml_row(operation, in, derive)) out += n_parts(one);
    return out;
  };
  for (const RowFunction function :
       {RowFunction::kSoftmax, RowFunction::kNormalize, RowFunction::kClassFactors, RowFunction::kTemperature,
        RowFunction::kPlattPerClass})
    EXPECT_LE(size_of(function, 80), 2 * size_of(function, 40)) << static_cast<int>(function);
}

TEST(ExportedModel, InputsThatNothingReadsAreTold) {
  const auto model = testing::mixed_model(Task::kRegression, "ridge", {}, {{"impute"}, {"one_hot"}});
  const auto constant = describe_model(testing::mixed_model(Task::kRegression, "constant", {}, {}));
  for (const auto& input : constant.inputs) EXPECT_FALSE(input.is_used) << input.name;
  for (const auto& input : describe_model(model).inputs) EXPECT_TRUE(input.is_used) << input.name;
}

/// Few different cells, so that many points are equally far from a row, or are that row.
pipeline::Model model_of_many_ties(std::int64_t k, const std::string& weights) {
  Rng rng(6);
  constexpr std::size_t kRows = 300;
  std::vector<double> whole(kRows), half(kRows), target(kRows);
  std::vector<std::int32_t> level(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    whole[i] = rng.below(10) == 0 ? std::nan("") : static_cast<double>(rng.below(4));
    half[i] = static_cast<double>(rng.below(3)) / 2;
    level[i] = static_cast<std::int32_t>(rng.below(4)) - 1;
    target[i] = rng.normal();
  }
  data::Frame x;
  x.add("whole", data::Column::from_float64(whole));
  x.add("half", data::Column::from_float64(half));
  x.add("level", data::Column::from_category(level, std::make_shared<const data::Dictionary>(
                                                        std::vector<std::string>{"a", "b", "c"})));
  pipeline::Model out;
  out.target = "y";
  out.target_low = -10;
  out.target_high = 10;
  out.schema = data::Schema::of(x);
  std::vector<std::uint32_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0U);
  const data::TargetView y{Task::kRegression, target, {}, 0};
  out.base = transform::Recipe(std::vector<transform::StepSpec>{});
  const data::Frame base = out.base.fit_transform(x, rows, y, Context());
  out.views["view"] = transform::Recipe(std::vector<transform::StepSpec>{});
  const data::Frame view = out.views["view"].fit_transform(base, rows, y, Context());
  pipeline::Pipeline pipeline(transform::Recipe(std::vector<transform::StepSpec>{}), "knn",
                              {{"n_neighbors", k}, {"weights", weights}, {"standardize", false}});
  pipeline.fit(view, y, {rows, {}}, Context());
  pipeline::Member member{"knn", 1, "view", {}};
  member.pipelines.push_back(std::move(pipeline));
  out.members.push_back(std::move(member));
  return out;
}

TEST(ExportedModel, NeighboursThatAreEquallyFarShareTheirPlacesInOnnxToo) {
  if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  for (const auto& weights : {"uniform", "distance"})
    for (const std::int64_t k : {1, 5, 299, 1000}) {
      SCOPED_TRACE(::testing::Message() << weights << ", " << k);
      const pipeline::Model model = model_of_many_ties(k, weights);
      data::Frame rows;
      std::vector<double> whole, half;
      std::vector<std::int32_t> level;
      for (int i = 0; i < 60; ++i) {
        whole.push_back(i % 5 == 4 ? std::nan("") : i % 5);
        half.push_back(i % 4 == 3 ? std::nan("") : (i % 4) / 2.0);
        level.push_back(i / 20 - 1);  // the last without anything: 19 has no cell at all
      }
      rows.add("whole", data::Column::from_float64(whole));
      rows.add("half", data::Column::from_float64(half));
      rows.add("level", data::Column::from_category(level, std::make_shared<const data::Dictionary>(
                                                               std::vector<std::string>{"a", "b", "c"})));
      auto wanted = model.predict(rows, Context());
      const ExportedModel exported = describe_model(model);
      EXPECT_THAT(evaluate(exported, model.schema, rows),
                  ::testing::Pointwise(NanSensitiveDoubleNear(1e-12), wanted));
      const CheckedRows checked{"made up", rows, std::move(wanted)};
      EXPECT_LE(check_by_onnx_runtime(export_onnx(exported, "m"), model, checked).max_difference, 1e-12);
    }
}

TEST(ExportedModel, WhatHasNoFormIsNamed) {
  EXPECT_ERROR(
      describe_model(testing::mixed_model(Task::kRegression, "ridge", {},
                                          {{"impute"}, {"splines", {}, {"numeric", {}}}, {"one_hot"}})),
      kUnsupported, HasSubstr("step splines, which takes column \"number\""));
}

}  // namespace
}  // namespace kolosal::infer::exporters
