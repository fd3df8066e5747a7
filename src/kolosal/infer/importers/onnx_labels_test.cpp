#include "kolosal/infer/importers/onnx_labels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/infer/exporters/onnx_graph.hpp"
#include "kolosal/infer/importers/imported_model.hpp"
#include "kolosal/infer/importers/onnx_runtime.hpp"

namespace kolosal::infer {
namespace {

using exporters::OnnxGraph;
using Type = exporters::OnnxType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LabelsOfGraphs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  }

  /// The probability of the second class: columns of four types, of which the words say most.
  std::string second() {
    g.add_input("share", Type::kFloat, 1);
    g.add_input("part", Type::kDouble, 1);
    g.add_input("count", Type::kInt64, 1);
    g.add_input("word", Type::kString, 1);
    const auto word = g.ml_node("LabelEncoder", {"word"},
                                {{"keys_strings", std::vector<std::string>{"low", "high"}},
                                 {"values_int64s", std::vector<std::int64_t>{1, 5}},
                                 {"default_int64", std::int64_t{3}}});
    const auto tenths = g.node("Add", {g.cast(word, Type::kDouble), g.cast("count", Type::kDouble)});
    const auto numbers = g.node("Add", {g.cast("share", Type::kDouble), "part"});
    return g.node("Add", {g.node("Mul", {tenths, g.number(0.1)}), numbers});
  }
  void add_two(const std::string& p) {
    g.node("Concat", {g.node("Sub", {g.number(1), p}), p}, {{"axis", std::int64_t{1}}}, "scores");
    g.add_output("scores", Type::kDouble, 2);
  }
  /// place: int64, one per row.
  void add_label(const std::string& place, std::vector<std::string> classes) {
    const auto n = static_cast<std::int64_t>(classes.size());
    g.node("Gather", {g.constant({{n}, std::move(classes)}), place}, {}, "class");
    g.add_output("class", Type::kString, 0);
  }
  std::string flat(const std::string& x) {
    return g.node("Squeeze", {x, g.constant({{1}, std::vector<std::int64_t>{1}})});
  }
  ImportedModel model() { return import_model(ForeignFormat::kOnnx, g.finish("m", "")); }

  static data::Frame rows() {
    data::Frame out;
    out.add("word",
            data::Column::from_texts(std::vector<std::optional<std::string>>{"low", "high", "?", "low"}));
    out.add("part", data::Column::from_float64({0, 0, 0, 0.05}));
    out.add("share", data::Column::from_float64({0, 0, 0, 0.05}));
    out.add("count", data::Column::from_int64({0, 0, 0, 1}));
    return out;
  }
  static std::vector<std::string> labels(const pipeline::Model& model) {
    const auto found = model.labels(model.predict(model.schema.conform(rows()), Context()));
    std::vector<std::string> out;
    for (std::size_t r = 0; r < found.size(); ++r) out.push_back(found.cell_text(r));
    return out;
  }

  OnnxGraph g;
};

TEST_F(LabelsOfGraphs, AThresholdAndClassesByGatherOverColumnsOfManyTypes) {
  const auto p = second();
  add_label(g.cast(g.node("Greater", {flat(p), g.constant({{1}, std::vector<double>{0.25}})}), Type::kInt64),
            {"no", "yes"});
  add_two(p);
  const ImportedModel imported = model();
  EXPECT_FALSE(imported.by_position);
  EXPECT_EQ(imported.model.threshold, 0.25);
  EXPECT_THAT(imported.model.classes, ElementsAre("no", "yes"));
  const auto values = imported.model.predict(imported.model.schema.conform(rows()), Context());
  EXPECT_THAT(values, ElementsAre(::testing::DoubleNear(0.1, 1e-12), ::testing::DoubleNear(0.5, 1e-12),
                                  ::testing::DoubleNear(0.3, 1e-12), ::testing::DoubleNear(0.3, 1e-6)));
  EXPECT_THAT(labels(imported.model), ElementsAre("no", "yes", "yes", "yes"));
}

TEST_F(LabelsOfGraphs, AtALimitIsAboveItWhereTheGraphSaysSo) {
  const auto p = second();
  add_label(
      g.cast(g.node("LessOrEqual", {g.constant({{1}, std::vector<double>{0.5}}), flat(p)}), Type::kInt64),
      {"no", "yes"});
  add_two(p);
  EXPECT_THAT(labels(model().model), ElementsAre("no", "yes", "no", "no"));
}

TEST_F(LabelsOfGraphs, WeightsOfClasses) {
  const auto p = second();
  const auto rest = g.node("Sub", {g.number(1), p});
  const auto half = g.node("Mul", {rest, g.number(0.5)});
  g.node("Concat", {p, half, half}, {{"axis", std::int64_t{1}}}, "scores");
  const auto weighted = g.node("Mul", {"scores", g.row({4, 1, 2})});
  add_label(g.node("ArgMax", {weighted}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}}),
            {"a", "b", "c"});
  g.add_output("scores", Type::kDouble, 3);
  const ImportedModel imported = model();
  EXPECT_THAT(imported.model.classes, ElementsAre("a", "b", "c"));
  EXPECT_THAT(imported.model.decision_weights, ElementsAre(4, 1, 2));
  EXPECT_THAT(labels(imported.model), ElementsAre("c", "a", "a", "a"));
}

TEST_F(LabelsOfGraphs, ThatFollowNoRuleAreRefused) {
  const auto p = second();
  // The class of the smaller probability.
  add_label(g.cast(g.node("Less", {flat(p), g.constant({{1}, std::vector<double>{0.4}})}), Type::kInt64),
            {"no", "yes"});
  add_two(p);
  const ImportedModel imported = model();
  EXPECT_ERROR(labels(imported.model), kUnsupported, HasSubstr("which is not the class"));
}

}  // namespace
}  // namespace kolosal::infer
