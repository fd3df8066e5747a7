// Models of other programs against what these predicted: tests/data/foreign, written by
// tools/golden/foreign_models.py.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kolosal/artifact/file_mapping.hpp"
#include "kolosal/artifact/protobuf_wire.hpp"
#include "kolosal/core/device.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/infer/importers/imported_model.hpp"
#include "kolosal/infer/importers/onnx_graph.hpp"
#include "kolosal/infer/importers/onnx_native.hpp"
#include "kolosal/infer/importers/onnx_runtime.hpp"
#include "kolosal/infer/session.hpp"

namespace kolosal::infer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const std::vector<std::string> kNumbers = {"age", "income", "visits", "score"};

std::string data_file(const std::string& name) {
  return std::string(std::getenv("KOLOSAL_TEST_FILES")) + "/foreign/" + name;
}

/// A table without quotes; "city" is text, all else numbers.
data::Frame read_table(const std::string& name) {
  std::ifstream file(data_file(name));
  std::string line, cell;
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> cells;
  for (bool is_header = true; std::getline(file, line); is_header = false) {
    std::istringstream row(line + ",");
    for (std::size_t c = 0; std::getline(row, cell, ','); ++c)
      if (is_header) {
        names.push_back(cell);
        cells.emplace_back();
      } else {
        cells[c].push_back(cell);
      }
  }
  data::Frame out;
  for (std::size_t c = 0; c < names.size(); ++c) {
    std::vector<std::optional<std::string>> texts;
    std::vector<double> numbers;
    for (const std::string& text : cells[c]) {
      texts.push_back(text.empty() ? std::nullopt : std::optional(text));
      if (names[c] != "city") numbers.push_back(text.empty() ? kNaN : std::stod(text));
    }
    out.add(names[c], names[c] == "city" ? data::Column::from_texts(texts)
                                         : data::Column::from_float64(std::move(numbers)));
  }
  return out;
}

/// The rows that the file's program predicted.
data::Frame rows_for(const std::string& model) {
  const data::Frame rows = read_table("rows.csv");
  if (model == "onnx_texts.onnx") {
    std::vector<double> age(rows.n_rows());
    rows.column("age").copy_numbers(std::span<double>(age));
    for (double& v : age) v = std::isnan(v) ? 40 : v;
    data::Frame out = rows.select(std::vector<std::string>{"income", "city"});
    out.add("age", data::Column::from_float64(std::move(age)));
    return out;
  }
  if (model == "onnx_lightgbm.onnx") return rows.select(kNumbers);
  if (model.starts_with("onnx")) return read_table("rows_full.csv");
  if (model == "lightgbm_positions.txt") {
    const std::vector<std::string> levels = {"Bandung", "Jakarta", "Medan", "Surabaya"};
    std::vector<double> codes;
    for (std::size_t r = 0; r < rows.n_rows(); ++r) {
      const auto level = std::ranges::find(levels, rows.column("city").text(r));
      codes.push_back(level == levels.end() ? -1 : static_cast<double>(level - levels.begin()));
    }
    data::Frame out = rows.select(kNumbers);
    out.add("code", data::Column::from_float64(std::move(codes)));
    return out;
  }
  const bool is_numbers = model == "xgboost_linear.json" || model == "xgboost_positions.json";
  return is_numbers ? rows.select(kNumbers) : rows;
}

nlohmann::json expected() {
  std::ifstream file(data_file("expected.json"));
  return nlohmann::json::parse(file);
}

bool needs_runtime(const std::string& model) {
  return model == "onnx_network.onnx" || model == "onnx_neighbours.onnx" || model == "onnx_texts.onnx" ||
         model == "onnx_custom.onnx";
}

/// The example of an operator, which the build puts beside the tests.
std::string operator_library() {
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  return (program.parent_path().parent_path() / "lib/libkolosal_amplify.so").string();
}

MATCHER_P(RelativelyNear, tolerance, "") {
  const double got = std::get<0>(arg), want = std::get<1>(arg);
  *result_listener << got << " instead of " << want;
  return std::abs(got - want) <= tolerance * std::max(std::abs(want), 1e-3);
}

class ForeignModel : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!needs_runtime(GetParam())) return;
    if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
    setenv("KOLOSAL_OPERATORS", operator_library().c_str(), 1);
  }
};

TEST_P(ForeignModel, PredictsAsItsProgram) {
  const Session session = Session::open(data_file(GetParam()));
  const Prediction prediction = session.predict(rows_for(GetParam()), Context());
  std::vector<double> want;
  const nlohmann::json all = expected();
  for (const auto& row : all.at(GetParam()))
    for (const auto& value : row) want.push_back(value.get<double>());
  ASSERT_EQ(prediction.values.size(), want.size());
  EXPECT_THAT(prediction.values, ::testing::Pointwise(RelativelyNear(1e-6), want));
  EXPECT_EQ(session.manifest().at("runs_by") == "kolosal", !needs_runtime(GetParam()));
}

TEST_P(ForeignModel, OneRowIsTheRowOfATable) {
  const Session session = Session::open(data_file(GetParam()));
  const data::Frame rows = rows_for(GetParam());
  const data::Frame x = session.model().schema.conform(
      session.is_by_position()
          ? data::Frame(session.model().schema.names_with(data::Role::kFeature), data::Frame(rows).columns())
          : rows);
  const Prediction many = session.predict(rows, Context());
  RowScratch scratch;
  std::vector<double> one(many.n_outputs);
  for (std::size_t r = 0; r < x.n_rows(); ++r) {
    const auto cells = session.rows().begin_row(scratch);
    for (std::size_t c = 0; c < x.n_columns(); ++c) cells[c] = data::cell_of(x.column(c), r, scratch.arena);
    session.rows().predict(one, scratch);
    for (std::size_t k = 0; k < one.size(); ++k) {
      const double want = many.values[r * one.size() + k];
      // ONNX Runtime multiplies one row otherwise than many.
      EXPECT_NEAR(one[k], want, needs_runtime(GetParam()) ? 1e-6 * std::abs(want) + 1e-7 : 0) << r;
    }
  }
}

TEST_P(ForeignModel, AnEmptyTableGivesNothing) {
  const Session session = Session::open(data_file(GetParam()));
  EXPECT_TRUE(session.predict(rows_for(GetParam()).slice(0, 0), Context()).values.empty());
}

/// Reads damaged bytes as a model; an error is as good as a model.
void read_damaged(std::span<const std::byte> bytes, const data::Frame& rows) {
  const auto format = foreign_format(bytes);
  if (!format) return;
  try {
    if (*format == ForeignFormat::kOnnx) {  // what ONNX Runtime makes of it is its own affair
      std::string reason;
      convert_graph(read_onnx(bytes), reason);
      return;
    }
    const ImportedModel imported = import_model(*format, bytes);
    const auto names = imported.model.schema.names_with(data::Role::kFeature);
    if (names.size() != rows.n_columns()) return;
    imported.model.predict({names, data::Frame(rows).columns()}, Context());
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
  }
}

TEST_P(ForeignModel, DamageIsAnErrorOrAnotherModel) {
  const artifact::FileMapping file = artifact::map_model_file(data_file(GetParam()));
  const std::vector<std::byte> whole(file.bytes.begin(), file.bytes.end());
  const data::Frame rows = rows_for(GetParam()).slice(0, 2);
  Rng rng(5);
  for (int i = 0; i < 40; ++i) read_damaged(std::span(whole).first(rng.below(whole.size())), rows);
  for (int i = 0; i < 150; ++i) {
    std::vector<std::byte> damaged = whole;
    for (std::uint64_t n = 1 + rng.below(3); n > 0; --n)
      damaged[rng.below(damaged.size())] ^= static_cast<std::byte>(1U << rng.below(8));
    read_damaged(damaged, rows);
  }
}

std::vector<std::string> all_models() {
  std::vector<std::string> out;
  const nlohmann::json all = expected();
  for (const auto& [name, values] : all.items()) out.push_back(name);
  return out;
}
INSTANTIATE_TEST_SUITE_P(Files, ForeignModel, ::testing::ValuesIn(all_models()), [](const auto& file) {
  std::string name = file.param;
  std::ranges::replace(name, '.', '_');
  return name;
});

TEST(Importers, TellFormatsByContent) {
  EXPECT_EQ(foreign_format(data_file("lightgbm_binary.txt")), ForeignFormat::kLightgbmText);
  EXPECT_EQ(foreign_format(data_file("xgboost_binary.json")), ForeignFormat::kXgboostJson);
  EXPECT_EQ(foreign_format(data_file("xgboost_binary.ubj")), ForeignFormat::kXgboostUbjson);
  EXPECT_EQ(foreign_format(data_file("onnx_linear.onnx")), ForeignFormat::kOnnx);
  EXPECT_EQ(foreign_format(data_file("rows.csv")), std::nullopt);
  for (const std::string_view text :
       {"", "{", "{\"version\": 3, \"learner\": 4}\n", "a,b\n1,2\n", "tree\n1\n", "KOLOSAL\n"})
    EXPECT_EQ(foreign_format(std::as_bytes(std::span(text))), std::nullopt) << text;
}

TEST(Importers, NamedColumnsAreFoundInAnyOrderAndMissedByName) {
  const Session session = Session::open(data_file("lightgbm_binary.txt"));
  EXPECT_FALSE(session.is_by_position());
  const data::Frame rows = read_table("rows.csv");
  const data::Frame turned =
      rows.select(std::vector<std::string>{"city", "score", "visits", "income", "age"});
  EXPECT_EQ(session.predict(turned, Context()).values, session.predict(rows, Context()).values);
  EXPECT_ERROR(session.predict(rows.without(std::vector<std::string>{"visits"}), Context()), kData,
               HasSubstr("visits"));
  data::Frame wrong = rows.without(std::vector<std::string>{"income"});
  wrong.add("income",
            data::Column::from_texts(std::vector<std::optional<std::string>>(rows.n_rows(), "much")));
  EXPECT_ERROR(session.predict(wrong, Context()), kData, AllOf(HasSubstr("income"), HasSubstr("much")));
}

TEST(Importers, CategoriesHaveTheLevelsOfTheFile) {
  for (const char* file : {"lightgbm_binary.txt", "xgboost_binary.json"}) {
    const Session session = Session::open(data_file(file));
    const data::Field* const city = session.model().schema.find("city");
    ASSERT_NE(city, nullptr);
    ASSERT_EQ(city->type, data::ColumnType::kCategory);
    EXPECT_THAT(city->dictionary->levels(), ElementsAre("Bandung", "Jakarta", "Medan", "Surabaya"));
  }
}

TEST(Importers, ColumnsWithoutNamesAreTakenByPosition) {
  const Session session = Session::open(data_file("xgboost_positions.json"));
  EXPECT_TRUE(session.is_by_position());
  const data::Frame rows = read_table("rows.csv");
  const data::Frame numbers = rows.select(kNumbers);
  EXPECT_ERROR(session.predict(rows, Context()), kData,
               AllOf(HasSubstr("by position"), HasSubstr("has 5"), HasSubstr("city"), HasSubstr("f0")));
  // Under the names that they have without any, in any order and with others beside them.
  data::Frame named = rows.select(std::vector<std::string>{"city"});
  for (std::size_t c = 4; c-- > 0;) named.add("f" + std::to_string(c), rows.column(kNumbers[c]));
  EXPECT_EQ(session.predict(named, Context()).values, session.predict(numbers, Context()).values);
}

TEST(Importers, ClassesAreNamedAsInTheFile) {
  const Session session = Session::open(data_file("onnx_forest_three.onnx"));
  EXPECT_THAT(session.model().classes, ElementsAre("low", "mid", "top"));
  const Prediction prediction = session.predict(rows_for("onnx_forest_three.onnx"), Context());
  for (std::size_t r = 0; r < prediction.labels.size(); ++r) {
    const auto row = std::span(prediction.values).subspan(3 * r, 3);
    const auto best = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    EXPECT_EQ(prediction.labels.cell_text(r), session.model().classes[best]);
  }
}

TEST(Importers, TreesOfOthersGoToTheForestKernels) {
  for (const char* file : {"lightgbm_binary.txt", "xgboost_multiclass.ubj", "onnx_forest_two.onnx",
                           "onnx_boosting_three.onnx", "onnx_boosting_numbers.onnx"}) {
    const auto learners = Session::open(data_file(file)).time_kernels();
    ASSERT_EQ(learners.size(), 1U);
    EXPECT_FALSE(learners[0].timings.empty()) << file;
  }
}

TEST(Importers, EarlyStoppedModelsOfScikitLearnsInterfaceSaySo) {
  const Session session = Session::open(data_file("xgboost_stopped.ubj"));
  EXPECT_THAT(session.manifest().at("notes").dump(), HasSubstr("stopped early"));
}

TEST(Importers, WhatCanNotBeReadIsRefusedByName) {
  const auto of = [](std::string text) {
    return import_model(ForeignFormat::kXgboostJson, std::as_bytes(std::span(text)));
  };
  const std::string params =
      R"("learner_model_param":{"num_feature":"1","num_class":"0","base_score":"5E-1"})";
  EXPECT_ERROR(of(R"({"learner":{)" + params + R"(,"objective":{"name":"binary:hinge"}},"version":[2,0,0]})"),
               kUnsupported, HasSubstr("binary:hinge"));
  const std::string text =
      "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\nobjective=weird\n"
      "feature_names=a\nfeature_infos=[0:1]\ntree_sizes=1\n\nTree=0\nnum_leaves=1\nnum_cat=0\nleaf_value="
      "1\n\nend of trees\n";
  EXPECT_ERROR(import_model(ForeignFormat::kLightgbmText, std::as_bytes(std::span(text))), kUnsupported,
               HasSubstr("weird"));
}

/// A model of XGBoost of two columns: what is in "gradient_booster", classes, base score, objective.
ImportedModel xgboost_of(const std::string& booster, const std::string& n_classes,
                         const std::string& base_score, const std::string& objective) {
  const std::string text = R"({"learner":{"gradient_booster":)" + booster +
                           R"(,"learner_model_param":{"num_feature":"2","num_target":"1","num_class":")" +
                           n_classes + R"(","base_score":")" + base_score + R"("},"objective":{"name":")" +
                           objective + R"("}},"version":[3,4,1]})";
  return import_model(ForeignFormat::kXgboostJson, std::as_bytes(std::span(text)));
}

std::vector<double> predict_two_columns(const ImportedModel& model, double first, double second) {
  data::Frame row;
  row.add("f0", data::Column::from_float64({first}));
  row.add("f1", data::Column::from_float64({second}));
  return model.model.predict(row, Context());
}

// Version 3.4 keeps the weights of dart's trees among the trees, under the name of gbtree.
TEST(Importers, WeightsOfDartAreFoundWhereEachVersionHasThem) {
  const std::string tree =
      R"({"base_weights":[0,1,2],"categories":[],"categories_nodes":[],"categories_segments":[],)"
      R"("categories_sizes":[],"default_left":[1,0,0],"left_children":[1,-1,-1],"loss_changes":[1,0,0],)"
      R"("right_children":[2,-1,-1],"split_conditions":[0.5,1,-2],"split_indices":[0,0,0]})";
  const std::string trees = R"("tree_info":[0,0],"trees":[)" + tree + "," + tree + "]";
  for (const std::string& booster :
       {R"({"name":"gbtree","model":{)" + trees + R"(,"weight_drop":[1,0.25]}})",
        R"({"name":"dart","gbtree":{"name":"gbtree","model":{)" + trees + R"(}},"weight_drop":[1,0.25]})"}) {
    const ImportedModel model = xgboost_of(booster, "0", "[5E-1]", "reg:squarederror");
    EXPECT_THAT(predict_two_columns(model, 0, 0), ElementsAre(0.5 + 1.25));
    EXPECT_THAT(predict_two_columns(model, 1, 0), ElementsAre(0.5 - 2.5));
    EXPECT_THAT(predict_two_columns(model, kNaN, 0), ElementsAre(0.5 + 1.25));
    // The base score of raw scores is one itself.
    EXPECT_THAT(predict_two_columns(xgboost_of(booster, "0", "[5E-1]", "binary:logitraw"), 0, 0),
                ElementsAre(0.5 + 1.25));
  }
}

// Seen with XGBoost 3.4.1: a linear booster starts every class with the base score of the first.
TEST(Importers, LinearBoostersHaveOneBaseScore) {
  const ImportedModel model = xgboost_of(R"({"name":"gblinear","model":{"weights":[1,0,0,0,1,0,0,0,0.5]}})",
                                         "3", "[1E-1,2E-1,9E-1]", "multi:softprob");
  const double sum = std::exp(2.0) + std::exp(1.0) + std::exp(0.5);
  EXPECT_THAT(
      predict_two_columns(model, 2, 1),
      ::testing::Pointwise(RelativelyNear(1e-12),
                           std::vector{std::exp(2.0) / sum, std::exp(1.0) / sum, std::exp(0.5) / sum}));
}

TEST(Importers, NestedTooDeeplyOrOfEndlessListsIsDamage) {
  const std::string deep = "{\"learner\":{\"a\":" + std::string(100000, '[');
  EXPECT_ERROR(import_model(ForeignFormat::kXgboostJson, std::as_bytes(std::span(deep))), kModel,
               HasSubstr("XGBoost"));
  std::string list = "{i\x07learner[$Z#L";  // of 2^62 values that take no byte
  list += std::string("\x40\0\0\0\0\0\0\0", 8);
  EXPECT_ERROR(import_model(ForeignFormat::kXgboostUbjson, std::as_bytes(std::span(list))), kModel,
               HasSubstr("XGBoost"));
  const std::string nested = std::string("{i\x07learner") + std::string(1 << 20, '[');
  EXPECT_ERROR(import_model(ForeignFormat::kXgboostUbjson, std::as_bytes(std::span(nested))), kModel,
               HasSubstr("XGBoost"));
}

// ---- ONNX -------------------------------------------------------------------------------------------------

/// A graph of one node and one initializer.
std::vector<std::byte> onnx_of(const artifact::ProtobufWriter& node, const artifact::ProtobufWriter& tensor) {
  artifact::ProtobufWriter output, graph, model;
  output.add_text(1, "y");
  graph.add_message(1, node);
  graph.add_message(5, tensor);
  graph.add_message(12, output);
  model.add_integer(1, 8);
  model.add_message(7, graph);
  return model.bytes();
}

TEST(Importers, OnnxDataInOtherFilesIsRefused) {
  artifact::ProtobufWriter node, tensor, location;
  node.add_text(4, "Add");
  location.add_text(1, "location");
  location.add_text(2, "/etc/passwd");
  tensor.add_text(8, "weights");
  tensor.add_message(13, location);
  tensor.add_integer(14, 1);
  EXPECT_ERROR(import_model(ForeignFormat::kOnnx, onnx_of(node, tensor)), kUnsupported,
               HasSubstr("other files"));
  // In a graph within the graph, too.
  artifact::ProtobufWriter inner, attribute, outer;
  inner.add_message(5, tensor);
  attribute.add_text(1, "body");
  attribute.add_message(6, inner);
  outer.add_text(4, "Loop");
  outer.add_message(5, attribute);
  EXPECT_ERROR(import_model(ForeignFormat::kOnnx, onnx_of(outer, artifact::ProtobufWriter())), kUnsupported,
               HasSubstr("other files"));
}

TEST(OnnxRuntime, AnOperatorThatNobodyHasIsNamed) {
  if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  const artifact::FileMapping file = artifact::map_model_file(data_file("onnx_custom.onnx"));
  OnnxModel model = read_onnx(file.bytes);
  model.nodes[0].op = "Attenuate";
  EXPECT_ERROR(run_by_onnx_runtime(model, file.bytes), kUnsupported,
               AllOf(HasSubstr("Attenuate"), HasSubstr("KOLOSAL_OPERATORS")));
}

TEST(OnnxRuntime, ALibraryOfOperatorsThatIsNotThereIsNamed) {
  if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  const std::string before = operator_library();
  setenv("KOLOSAL_OPERATORS", "/nowhere/libnone.so", 1);
  for (int i = 0; i < 2; ++i)
    EXPECT_ERROR(Session::open(data_file("onnx_custom.onnx")), kUnsupported,
                 HasSubstr("/nowhere/libnone.so"));
  setenv("KOLOSAL_OPERATORS", before.c_str(), 1);
}

TEST(OnnxRuntime, WhatItCanNotRunIsItsOwnMessage) {
  if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  artifact::ProtobufWriter node;
  node.add_text(2, "y");
  node.add_text(4, "NoSuchOperator");
  EXPECT_ERROR(import_model(ForeignFormat::kOnnx, onnx_of(node, artifact::ProtobufWriter())), kUnsupported,
               HasSubstr("ONNX Runtime"));
}

TEST(OnnxRuntime, TakesNoMoreMemoryThanARunMay) {
  if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  const std::size_t limit = Hardware::detect().default_memory_limit_bytes();
  if (limit > (std::size_t{1} << 35)) GTEST_SKIP() << "a machine with more memory than the model wants";
  EXPECT_ERROR(Session::open(data_file("onnx_greedy.onnx")), kMemory, HasSubstr("memory"));
}

TEST(OnnxRuntime, ManyThreadsGetTheRowsOfOne) {
  if (!OnnxRuntime::unavailable().empty()) GTEST_SKIP() << OnnxRuntime::unavailable();
  const Session session = Session::open(data_file("onnx_network.onnx"));
  const data::Frame rows = rows_for("onnx_network.onnx");
  std::vector<data::Frame> parts(100, rows);  // several blocks
  const data::Frame many = data::concatenate(parts);
  ThreadPool pool(4);
  Context context;
  context.pool = &pool;
  context.n_threads = 4;
  EXPECT_EQ(session.predict(many, context).values, session.predict(many, Context()).values);
}

}  // namespace
}  // namespace kolosal::infer
