#include "kolosal/infer/exporters/exported_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/artifact/packed_arrays.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/infer/exporters/c_exporter.hpp"
#include "kolosal/infer/exporters/json_exporter.hpp"
#include "kolosal/infer/exporters/onnx_exporter.hpp"
#include "kolosal/infer/exporters/pmml_exporter.hpp"
#include "kolosal/infer/exporters/reference_rows.hpp"
#include "kolosal/infer/quantization/quantized_model.hpp"

namespace kolosal::infer::exporters {
namespace {

using data::Column;
using data::Task;
using testing::HasSubstr;

/// Numbers with holes and infinities, whole numbers, flags, few and many levels.
data::Frame mixed_table(std::size_t n) {
  Rng rng(5);
  std::vector<double> number(n), skewed(n);
  std::vector<std::int64_t> whole(n);
  std::vector<std::uint8_t> flag(n);
  std::vector<std::int32_t> few(n), many(n);
  data::Bitmap valid = data::all_present(n);
  for (std::size_t i = 0; i < n; ++i) {
    number[i] = rng.below(9) == 0 ? std::numeric_limits<double>::quiet_NaN() : rng.normal();
    skewed[i] = rng.below(50) == 0 ? std::numeric_limits<double>::infinity() : std::exp(2 * rng.normal());
    whole[i] = static_cast<std::int64_t>(rng.below(50));
    flag[i] = static_cast<std::uint8_t>(rng.below(2));
    few[i] = static_cast<std::int32_t>(rng.below(5)) - 1;
    many[i] = static_cast<std::int32_t>(rng.below(40));
    if (rng.below(7) == 0) data::clear_bit(valid.data(), i);
  }
  std::vector<std::string> levels;
  for (int i = 0; i < 40; ++i) levels.push_back("level \"" + std::to_string(i) + "\"?");
  const auto dictionary = [](std::vector<std::string> texts) {
    return std::make_shared<const data::Dictionary>(std::move(texts));
  };
  data::Frame out;
  out.add("number", Column::from_float64(number));
  out.add("skewed", Column::from_float64(skewed));
  out.add("whole", Column::from_int64(whole, valid));
  out.add("flag", Column::from_bool(flag));
  out.add("few", Column::from_category(few, dictionary({"a", "b", "c", "d"})));
  out.add("many", Column::from_category(many, dictionary(levels)));
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

/// A model of one learner behind some steps.
pipeline::Model make_model(Task task, const std::string& learner, const ParamMap& params,
                           const std::vector<transform::StepSpec>& steps) {
  const data::Frame x = mixed_table(400);
  const auto target = target_of(x, task);
  pipeline::Model out;
  out.task = task;
  out.target = "y";
  if (task == Task::kBinary) out.classes = {"no", "yes"};
  if (task == Task::kMulticlass) out.classes = {"low", "mid", "high"};
  out.target_low = -2;
  out.target_high = 3;
  const data::TargetView y{task, target, {}, out.classes.size()};
  std::vector<std::uint32_t> rows(x.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  out.schema = data::Schema::of(x);
  out.base = transform::Recipe({{"drop_constant"}});
  const data::Frame base = out.base.fit_transform(x, rows, y, Context());
  out.views["view"] = transform::Recipe({{"to_float"}});
  const data::Frame view = out.views["view"].fit_transform(base, rows, y, Context());
  pipeline::Pipeline pipeline(transform::Recipe(steps), learner, params);
  pipeline.fit(view, y, {rows, {}}, Context());
  pipeline::Member member{learner, 1, "view", {}};
  member.pipelines.push_back(std::move(pipeline));
  out.members.push_back(std::move(member));
  return out;
}

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
      {"logistic", "logistic_regression", Task::kBinary, {}, kLinearSteps},
      {"logistic_levels", "logistic_regression", Task::kMulticlass, {}, kImputed},
      {"svm", "linear_svm", Task::kMulticlass, {}, kLinearSteps},
      {"constant", "constant", Task::kMulticlass},
  };
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

class Describing : public testing::TestWithParam<Case> {};

TEST_P(Describing, CarriedOutItPredictsWhatTheModelPredicts) {
  const Case& c = GetParam();
  const pipeline::Model model = make_model(c.task, c.learner, c.params, c.steps);
  const ExportedModel exported = describe_model(model);
  for (const data::Frame& rows : {reference_rows(model.schema, 200, 3), mixed_table(150)}) {
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
  const ExportedModel exported = describe_model(make_model(c.task, c.learner, c.params, c.steps));
  const auto json = nlohmann::json::parse(export_json(exported));
  EXPECT_EQ(json["operations"].size(), exported.operations.size());
  EXPECT_THAT(export_c(exported, "int"), HasSubstr("void int__predict(const int__row* row, double* out)"));
  if (c.learner == "mlp" || c.name == "lightgbm_focal")
    EXPECT_ERROR(export_pmml(exported), kUnsupported, HasSubstr("PMML"));
  else if (c.name == "ridge_powers")
    EXPECT_ERROR(export_pmml(exported), kUnsupported, HasSubstr("iterative_impute"));
  else
    EXPECT_THAT(export_pmml(exported), HasSubstr("</PMML>"));
  if (c.learner == "constant")
    EXPECT_ERROR(export_onnx(exported, "m"), kUnsupported, HasSubstr("same for every row"));
  else
    EXPECT_GT(export_onnx(exported, "m").size(), 200U);
}

INSTANTIATE_TEST_SUITE_P(Learners, Describing, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

TEST(ExportedModel, CalibrationsAndFactorsAreOperations) {
  using model::CalibrationKind;
  pipeline::Model binary = make_model(Task::kBinary, "logistic_regression", {}, kLinearSteps);
  pipeline::Model three = make_model(Task::kMulticlass, "logistic_regression", {}, kLinearSteps);
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
                testing::Pointwise(NanSensitiveDoubleNear(1e-12), model->predict(rows, Context())))
        << calibration_name(calibrator.kind);
  }
}

TEST(ExportedModel, InputsThatNothingReadsAreTold) {
  const auto model = make_model(Task::kRegression, "ridge", {}, {{"impute"}, {"one_hot"}});
  const auto constant = describe_model(make_model(Task::kRegression, "constant", {}, {}));
  for (const auto& input : constant.inputs) EXPECT_FALSE(input.is_used) << input.name;
  for (const auto& input : describe_model(model).inputs) EXPECT_TRUE(input.is_used) << input.name;
}

TEST(ExportedModel, WhatHasNoFormIsNamed) {
  EXPECT_ERROR(describe_model(make_model(Task::kRegression, "knn", {}, {{"impute"}})), kUnsupported,
               HasSubstr("learner knn"));
  EXPECT_ERROR(describe_model(make_model(Task::kRegression, "ridge", {},
                                         {{"impute"}, {"pca", {}, {"numeric", {}}}, {"one_hot"}})),
               kUnsupported, HasSubstr("step pca, which takes column \"number\""));
}

}  // namespace
}  // namespace kolosal::infer::exporters

namespace kolosal::infer {
namespace {

using testing::HasSubstr;

artifact::Container container_of(const pipeline::Model& model) {
  artifact::ContainerWriter writer;
  model.save(writer);
  writer.add_json("manifest", nlohmann::json::object());
  auto bytes = std::make_shared<std::vector<std::byte>>(writer.bytes());
  return artifact::Container::from_memory(*bytes, bytes, "test");
}

artifact::Container container_of(std::vector<std::byte> bytes) {
  auto owner = std::make_shared<std::vector<std::byte>>(std::move(bytes));
  return artifact::Container::from_memory(*owner, owner, "test");
}

class Quantizing : public testing::TestWithParam<std::string> {};

TEST_P(Quantizing, SmallerFilesPredictNearlyTheSame) {
  using exporters::make_model;
  const std::string& learner = GetParam();
  if (!model::estimator_info(learner).unavailable().empty()) GTEST_SKIP();
  ParamMap params;
  if (learner == "mlp") params = {{"n_epochs", std::int64_t{2}}};
  const auto model =
      make_model(data::Task::kRegression, learner, params,
                 learner == "lightgbm" ? std::vector<transform::StepSpec>() : exporters::kLinearSteps);
  const artifact::Container plain = container_of(model);
  const auto rows = exporters::reference_rows(model.schema, 200, 3);
  const auto wanted = model.predict(rows, Context());
  double last = 0;
  for (const auto type : {QuantizedType::kInt16, QuantizedType::kInt8, QuantizedType::kInt4}) {
    std::vector<QuantizedPart> parts;
    const auto packed = container_of(quantize_model(plain, type, parts));
    ASSERT_FALSE(parts.empty());
    for (const QuantizedPart& part : parts) EXPECT_LT(part.bytes_after, part.bytes_before) << part.name;
    EXPECT_EQ(packed.json("manifest")["quantized"], quantized_type_name(type));
    const auto found = pipeline::Model::load(packed).predict(rows, Context());
    double worst = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) worst = std::max(worst, std::fabs(found[i] - wanted[i]));
    EXPECT_GT(worst, last);  // fewer bits cost more
    EXPECT_LT(worst, type == QuantizedType::kInt16 ? 2e-3 : type == QuantizedType::kInt8 ? 0.2 : 2.0);
    last = worst;
  }
}

INSTANTIATE_TEST_SUITE_P(Learners, Quantizing, testing::Values("lightgbm", "ridge", "mlp"));

TEST(Quantizing, StructureAndThresholdsAreExact) {
  const auto model =
      exporters::make_model(data::Task::kRegression, "random_forest", {{"n_estimators", std::int64_t{20}}},
                            {{"ordinal_encode"}, {"impute"}});
  std::vector<QuantizedPart> parts;
  const auto packed = container_of(quantize_model(container_of(model), QuantizedType::kFloat16, parts));
  const pipeline::Model read = pipeline::Model::load(packed);
  const model::Forest& before = *model.members[0].pipelines[0].estimator().trees();
  const model::Forest& after = *read.members[0].pipelines[0].estimator().trees();
  EXPECT_EQ(after.threshold, before.threshold);
  EXPECT_EQ(after.left, before.left);
  EXPECT_EQ(after.right, before.right);
  EXPECT_EQ(after.feature, before.feature);
  EXPECT_EQ(after.tree_root, before.tree_root);
  for (std::size_t i = 0; i < before.leaf_value.size(); ++i)
    EXPECT_NEAR(after.leaf_value[i], before.leaf_value[i],
                1e-3 * std::max(1.0, std::fabs(before.leaf_value[i])));
}

TEST(Quantizing, NeighboursKeepTheirMissingCells) {
  const auto model = exporters::make_model(data::Task::kRegression, "knn", {}, {});
  const auto rows = exporters::reference_rows(model.schema, 100, 3);
  const auto wanted = model.predict(rows, Context());
  std::vector<QuantizedPart> parts;
  const auto found =
      pipeline::Model::load(container_of(quantize_model(container_of(model), QuantizedType::kInt16, parts)))
          .predict(rows, Context());
  double sum = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) sum += std::fabs(found[i] - wanted[i]);
  EXPECT_LT(sum / static_cast<double>(wanted.size()), 0.05);
}

TEST(Quantizing, DamagedPackedArraysAreRefused) {
  const auto with = [](auto change) {
    artifact::Node node;
    artifact::Node& packed = node.add_child("x");
    packed.set("$packed", "steps");
    packed.set("type", 5);
    packed.set("n", 4);
    packed.set("bits", 8);
    packed.set("block", 64);
    packed.set("has_missing", false);
    change(packed);
    artifact::ContainerWriter writer;
    writer.add_node("member/0/0", node, artifact::kPackedVersion);
    return container_of(writer.bytes());
  };
  const auto fill = [](artifact::Node& packed, std::size_t n_bytes, std::size_t n_steps) {
    packed.set_array("data", std::vector<std::uint8_t>(n_bytes, 3));
    packed.set_array("scale", std::vector<float>(n_steps, 0.5F));
    packed.set_array("zero", std::vector<std::int32_t>(n_steps, 1));
  };
  const auto good = with([&](auto& packed) { fill(packed, 4, 1); });
  EXPECT_THAT(artifact::unpacked_node(good, "member/0/0").get_vector<double>("x"), testing::Each(1.0));
  EXPECT_ERROR(artifact::unpacked_node(with([&](auto& packed) { fill(packed, 3, 1); }), "member/0/0"), kModel,
               HasSubstr("packed array"));
  EXPECT_ERROR(artifact::unpacked_node(with([&](auto& packed) { fill(packed, 4, 2); }), "member/0/0"), kModel,
               HasSubstr("packed array"));
}

}  // namespace
}  // namespace kolosal::infer
