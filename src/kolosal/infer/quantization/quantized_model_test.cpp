#include "kolosal/infer/quantization/quantized_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/artifact/packed_arrays.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/infer/exporters/reference_rows.hpp"
#include "kolosal/infer/testing/mixed_model.hpp"
#include "kolosal/model/forest.hpp"

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

}  // namespace
}  // namespace kolosal::infer
