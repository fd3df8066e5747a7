#include "kolosal/infer/quantization/quantized_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/artifact/packed_arrays.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/infer/exporters/reference_rows.hpp"
#include "kolosal/infer/row_predictor.hpp"
#include "kolosal/infer/testing/mixed_model.hpp"
#include "kolosal/model/forest.hpp"
#include "kolosal/model/network_learner.hpp"

namespace kolosal::infer {
namespace {

using ::testing::HasSubstr;

const std::vector<transform::StepSpec> kLinearSteps = {
    {"impute", {{"indicator", true}}}, {"one_hot"}, {"scale", {{"clip", 4.0}}, {"numeric", {}}}};

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

/// That one row at a time gives the bytes of all.
void expect_same_rows(const pipeline::Model& model, const data::Frame& rows,
                      const std::vector<double>& wanted) {
  const pipeline::Evaluators none;
  const RowPredictor predictor(model, none);
  const data::Frame table = model.schema.conform(rows);
  RowScratch scratch;
  std::vector<double> out(model.n_outputs()), found(table.n_rows());
  const auto predict = [&](std::size_t row) {
    const auto cells = predictor.begin_row(scratch);
    for (std::size_t c = 0; c < cells.size(); ++c)
      cells[c] = data::cell_of(table.column(c), row, scratch.arena);
    predictor.predict(out, scratch);
    found[row] = out[0];
  };
  for (std::size_t row = 0; row < table.n_rows(); ++row) predict(row);
  EXPECT_EQ(found, wanted);
}

class Quantizing : public ::testing::TestWithParam<std::string> {};

TEST_P(Quantizing, SmallerFilesPredictNearlyTheSame) {
  const std::string& learner = GetParam();
  if (!model::estimator_info(learner).unavailable().empty()) GTEST_SKIP();
  ParamMap params;
  if (learner == "mlp") params = {{"n_epochs", std::int64_t{2}}};
  const auto model =
      testing::mixed_model(data::Task::kRegression, learner, params,
                           learner == "lightgbm" ? std::vector<transform::StepSpec>() : kLinearSteps);
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

INSTANTIATE_TEST_SUITE_P(Learners, Quantizing, ::testing::Values("lightgbm", "ridge", "mlp"));

TEST(Quantizing, StructureAndThresholdsAreExact) {
  const auto model =
      testing::mixed_model(data::Task::kRegression, "random_forest", {{"n_estimators", std::int64_t{20}}},
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

TEST(Quantizing, NumbersBeyondFloat16StayAsTheyAre) {
  artifact::ContainerWriter writer;
  artifact::Node node;
  node.add_child("state").set_array("coefficient", std::vector<double>(200, 70'000.0));
  writer.add_node("member/0/0", node);
  writer.add_json("manifest", nlohmann::json::object());
  std::vector<QuantizedPart> parts;
  const auto packed =
      container_of(quantize_model(container_of(writer.bytes()), QuantizedType::kFloat16, parts));
  EXPECT_THAT(artifact::unpacked_node(packed, "member/0/0").child("state").get_vector<double>("coefficient"),
              ::testing::Each(70'000.0));
}

TEST(Quantizing, NeighboursKeepTheirMissingCells) {
  const auto model = testing::mixed_model(data::Task::kRegression, "knn", {}, {});
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

TEST(Quantizing, NetworksComputeInWholeNumbers) {
  const auto model =
      testing::mixed_model(data::Task::kRegression, "mlp",
                           {{"n_epochs", std::int64_t{2}}, {"hidden_size", std::int64_t{256}}}, {});
  const artifact::Container plain = container_of(model);
  const auto rows = exporters::reference_rows(model.schema, 200, 3);
  const auto wanted = model.predict(rows, Context());
  for (const auto type : {QuantizedType::kInt8, QuantizedType::kInt4})
    for (const bool is_static : {false, true}) {
      std::vector<QuantizedPart> parts;
      const auto packed = container_of(
          quantize_model(plain, {.type = type, .calibration = is_static ? &rows : nullptr}, parts));
      ASSERT_EQ(parts.size(), 1U);
      EXPECT_THAT(parts[0].computed, HasSubstr("whole numbers"));
      const pipeline::Model read = pipeline::Model::load(packed);
      const auto& network =
          dynamic_cast<const model::NetworkLearner&>(read.members[0].pipelines[0].estimator()).networks()[0];
      EXPECT_GE(network.n_quantized_layers(), 1U);
      EXPECT_EQ(network.network().quantization().limits.size(), is_static ? 3U : 0U);
      const auto found = read.predict(rows, Context());
      double worst = 0;
      for (std::size_t i = 0; i < wanted.size(); ++i)
        worst = std::max(worst, std::fabs(found[i] - wanted[i]));
      EXPECT_LT(worst, type == QuantizedType::kInt8 ? 0.2 : 1.0);
      expect_same_rows(read, rows, found);
      // Saved and read again it is the same; quantized to another type it computes as ever.
      EXPECT_EQ(pipeline::Model::load(container_of(read)).predict(rows, Context()), found);
      const auto wide =
          pipeline::Model::load(container_of(quantize_model(packed, QuantizedType::kInt16, parts)));
      EXPECT_EQ(dynamic_cast<const model::NetworkLearner&>(wide.members[0].pipelines[0].estimator())
                    .networks()[0]
                    .n_quantized_layers(),
                0U);
    }
}

TEST(Quantizing, NeighboursAreComparedInWholeNumbers) {
  for (const auto& weights : {"uniform", "distance"}) {
    const auto model = testing::mixed_model(
        data::Task::kRegression, "knn", {{"weights", std::string(weights)}}, {{"clip", {}, {"numeric", {}}}});
    const auto rows = exporters::reference_rows(model.schema, 200, 3);
    const auto wanted = model.predict(rows, Context());
    std::vector<QuantizedPart> parts;
    const auto packed = container_of(quantize_model(container_of(model), QuantizedType::kInt8, parts));
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_EQ(parts[0].computed, "whole numbers");
    EXPECT_LT(8 * parts[0].bytes_after, 2 * parts[0].bytes_before);
    const pipeline::Model read = pipeline::Model::load(packed);
    const auto found = read.predict(rows, Context());
    double sum = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) sum += std::fabs(found[i] - wanted[i]);
    EXPECT_LT(sum / static_cast<double>(wanted.size()), 0.1);
    expect_same_rows(read, rows, found);
    EXPECT_EQ(pipeline::Model::load(container_of(read)).predict(rows, Context()), found);
  }
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
  EXPECT_THAT(artifact::unpacked_node(good, "member/0/0").get_vector<double>("x"), ::testing::Each(1.0));
  EXPECT_ERROR(artifact::unpacked_node(with([&](auto& packed) { fill(packed, 3, 1); }), "member/0/0"), kModel,
               HasSubstr("packed array"));
  EXPECT_ERROR(artifact::unpacked_node(with([&](auto& packed) { fill(packed, 4, 2); }), "member/0/0"), kModel,
               HasSubstr("packed array"));
}

TEST(Quantizing, DamagedMatricesAreRefused) {
  const auto read = [](std::int64_t n, std::vector<std::int64_t> depth, std::vector<std::int64_t> columns,
                       std::int64_t group, std::size_t n_scales, std::size_t n_bytes) {
    artifact::Node node;
    artifact::Node& packed = node.add_child("x");
    packed.set("$packed", "matrices");
    packed.set("type", 4);
    packed.set("n", n);
    packed.set("bits", 4);
    packed.set("group", group);
    packed.set_array("depth", depth);
    packed.set_array("columns", columns);
    packed.set_array("scale", std::vector<float>(n_scales, 0.5F));
    packed.set_array("data", std::vector<std::uint8_t>(n_bytes, 0x2F));
    packed.set_array("rest", std::vector<float>{7});
    artifact::ContainerWriter writer;
    writer.add_node("member/0/0", node, artifact::kPackedVersion);
    return artifact::unpacked_node(container_of(writer.bytes()), "member/0/0").get_vector<float>("x");
  };
  EXPECT_THAT(read(7, {3}, {2}, 2, 4, 3), ::testing::ElementsAre(-0.5, 1, -0.5, 1, -0.5, 1, 7));
  EXPECT_ERROR(read(7, {3}, {2}, 2, 3, 3), kModel, HasSubstr("packed array"));
  EXPECT_ERROR(read(7, {3}, {2}, 2, 4, 2), kModel, HasSubstr("packed array"));
  EXPECT_ERROR(read(8, {3}, {2}, 2, 4, 3), kModel, HasSubstr("packed array"));
  EXPECT_ERROR(read(7, {3, 1}, {2}, 2, 4, 3), kModel, HasSubstr("packed array"));
  EXPECT_ERROR(read(7, {-3}, {2}, 2, 4, 3), kModel, HasSubstr("packed array"));
  EXPECT_ERROR(read(7, {std::int64_t{1} << 32}, {std::int64_t{1} << 32}, 2, 4, 3), kModel,
               HasSubstr("packed array"));
  EXPECT_ERROR(read(7, {3}, {2}, -1, 4, 3), kModel, HasSubstr("packed array"));
}

}  // namespace
}  // namespace kolosal::infer
