#include "kolosal/infer/importers/onnx_notes.hpp"

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
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Three numbers a row: days since 1970 of two columns, less and more than that.
std::vector<std::byte> graph_of_three(const std::string& notes) {
  OnnxGraph g;
  g.add_input("opened", Type::kDouble, 1);
  g.add_input("closed", Type::kDouble, 1);
  const auto days = g.node("Div", {g.node("Add", {"opened", "closed"}), g.number(86'400)});
  g.node("Concat", {g.node("Sub", {days, g.number(1)}), days, g.node("Add", {days, g.number(2)})},
         {{"axis", std::int64_t{1}}}, "three");
  g.add_output("three", Type::kDouble, 3);
  if (!notes.empty()) g.add_metadata("kolosal", notes);
  return g.finish("m", "");
}

TEST(OnnxNotes, ComeBackAsTheyWere) {
  OnnxNotes notes;
  EXPECT_TRUE(notes.is_empty());
  notes.quantiles = {0.1, 0.5};
  notes.block_rows = 77;
  notes.moments = {{"a \"day\"", data::ColumnType::kDate}, {"b", data::ColumnType::kTimestamp}};
  const OnnxNotes again = OnnxNotes::of(read_onnx(graph_of_three(notes.text())));
  EXPECT_EQ(again.quantiles, notes.quantiles);
  EXPECT_EQ(again.moments, notes.moments);
  EXPECT_EQ(again.block_rows, 77U);
  EXPECT_TRUE(OnnxNotes::of(read_onnx(graph_of_three(""))).is_empty());
}

TEST(OnnxNotes, DamagedOnesAreRefused) {
  for (const char* text :
       {"{", "[1]x", R"({"quantiles": "a"})", R"({"quantiles": [0.5, 0.1]})", R"({"quantiles": [0, 0.5]})",
        R"({"moments": {"a": "text"}})", R"({"moments": {"a": 1}})"}) {
    SCOPED_TRACE(text);
    EXPECT_ERROR(OnnxNotes::of(read_onnx(graph_of_three(text))), kModel, HasSubstr("notes"));
  }
}

TEST(OnnxNotes, TellQuantilesAndDates) {
  if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  EXPECT_ERROR(import_model(ForeignFormat::kOnnx, graph_of_three("")), kUnsupported,
               HasSubstr("3 numbers a row"));
  EXPECT_ERROR(import_model(ForeignFormat::kOnnx, graph_of_three(R"({"quantiles": [0.1, 0.9]})")),
               kUnsupported, HasSubstr("3 numbers a row"));
  const ImportedModel imported = import_model(
      ForeignFormat::kOnnx,
      graph_of_three(
          R"({"quantiles": [0.1, 0.5, 0.9], "moments": {"opened": "date", "closed": "timestamp", "gone": "date"}})"));
  const pipeline::Model& model = imported.model;
  EXPECT_THAT(model.quantiles, ElementsAre(0.1, 0.5, 0.9));
  EXPECT_EQ(model.schema.find("opened")->type, data::ColumnType::kDate);
  data::Frame rows;
  rows.add("closed", data::Column::from_texts({"1970-01-02T12:00:00", "1970-01-01"}));
  rows.add("opened", data::Column::from_texts({"1970-01-03", "1970-01-11"}));
  const auto values = model.predict(rows, Context());
  EXPECT_THAT(values, ElementsAre(DoubleNear(2.5, 1e-9), DoubleNear(3.5, 1e-9), DoubleNear(5.5, 1e-9),
                                  DoubleNear(9, 1e-9), DoubleNear(10, 1e-9), DoubleNear(12, 1e-9)));
  EXPECT_EQ(model.labels(values).number(1), values[4]);
}

}  // namespace
}  // namespace kolosal::infer
