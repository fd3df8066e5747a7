#include "kolosal/infer/importers/imported_model.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include "kolosal/artifact/file_mapping.hpp"
#include "kolosal/artifact/protobuf_wire.hpp"
#include "kolosal/core/error.hpp"

namespace kolosal::infer {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_lightgbm(std::string_view start) {
  return start.starts_with("tree\nversion=") || start.starts_with("tree\r\nversion=");
}

/// {"learner": {...}, "version": [...]}, in either order. Tables of JSON lines begin with a brace too.
bool is_xgboost_json(std::string_view start) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto skip = [&](std::string_view what) {
    start.remove_prefix(std::min(start.find_first_not_of(kBlanks), start.size()));
    if (!start.starts_with(what)) return false;
    start.remove_prefix(what.size());
    return true;
  };
  if (!skip("{")) return false;
  const bool is_version = start.find("\"version\"") < start.find("\"learner\"");
  return skip(is_version ? "\"version\"" : "\"learner\"") && skip(":") && skip(is_version ? "[" : "{");
}

/// A brace, then a key with its length before it: "L" and 8 bytes, or shorter forms.
bool is_xgboost_ubjson(std::string_view start) {
  if (!start.starts_with('{')) return false;
  for (const std::string_view key : {"learner", "version"})
    if (const std::size_t at = start.substr(0, 24).find(key); at != std::string_view::npos)
      return at >= 3 && start[at - 1] == static_cast<char>(key.size()) && start[1] != '"';
  return false;
}

/// A message with the fields of ONNX's ModelProto, the graph among them.
bool is_onnx(std::span<const std::byte> file) {
  constexpr std::uint32_t kGraph = 7, kLast = 32;
  bool has_graph = false;
  try {
    artifact::ProtobufReader reader(file);
    while (const auto field = reader.next()) {
      if (field->number() > kLast) return false;
      has_graph |= field->number() == kGraph && field->type() == artifact::WireType::kBytes;
    }
  } catch (const Error&) {
    // Cut or damaged behind its start, which is a small version number in field 1 (no text begins so): the
    // importer says what is wrong.
    return file.size() > 2 && file[0] == std::byte{0x08} && file[1] < std::byte{0x20};
  }
  return has_graph;
}

/// A recipe without steps, as a fit leaves it.
transform::Recipe no_steps() {
  artifact::Node node;
  node.set("n_steps", 0);
  return transform::Recipe::load(node);
}

}  // namespace

std::string_view format_name(ForeignFormat format) {
  switch (format) {
    case ForeignFormat::kLightgbmText:
      return "LightGBM text";
    case ForeignFormat::kXgboostJson:
      return "XGBoost JSON";
    case ForeignFormat::kXgboostUbjson:
      return "XGBoost UBJSON";
    case ForeignFormat::kOnnx:
      return "ONNX";
  }
  KOLOSAL_ASSERT(false, "all formats have a name");
}

std::optional<ForeignFormat> foreign_format(std::span<const std::byte> file) {
  const std::string_view start = text_of(file.first(std::min<std::size_t>(file.size(), 4096)));
  if (start.starts_with("KOLOSAL\n")) return std::nullopt;  // our own
  if (is_lightgbm(start)) return ForeignFormat::kLightgbmText;
  if (is_xgboost_ubjson(start)) return ForeignFormat::kXgboostUbjson;
  if (is_xgboost_json(start)) return ForeignFormat::kXgboostJson;
  if (is_onnx(file)) return ForeignFormat::kOnnx;
  return std::nullopt;
}

std::optional<ForeignFormat> foreign_format(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  try {
    const artifact::FileMapping file = artifact::map_model_file(path);
    return foreign_format(file.bytes);
  } catch (const Error&) {
    return std::nullopt;
  }
}

ImportedModel import_model(ForeignFormat format, std::span<const std::byte> file) {
  ImportedModel out = [&] {
    switch (format) {
      case ForeignFormat::kLightgbmText:
        return import_lightgbm_text(text_of(file));
      case ForeignFormat::kXgboostJson:
      case ForeignFormat::kXgboostUbjson:
        return import_xgboost(file, format == ForeignFormat::kXgboostUbjson);
      case ForeignFormat::kOnnx:
        return import_onnx(file);
    }
    KOLOSAL_ASSERT(false, "every format has its importer");
  }();
  out.about["format"] = format_name(format);
  out.about["file_bytes"] = file.size();
  out.about["task"] = data::task_name(out.model.task);
  out.about["columns_by"] = out.by_position ? "position" : "name";
  return out;
}

std::vector<std::string> ImportedColumns::numbered(std::size_t n, std::string_view prefix) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(fmt::format("{}{}", prefix, i));
  return out;
}

data::ColumnType ImportedColumns::type(std::size_t column) const {
  if (column < levels.size() && !levels[column].empty()) return data::ColumnType::kCategory;
  return types.empty() ? data::ColumnType::kFloat64 : types[column];
}

data::Schema ImportedColumns::schema() const {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  std::unordered_set<std::string_view> known;
  std::vector<data::Field> fields;
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (!known.insert(names[c]).second)
      throw Error(ErrorCode::kModel, "the model has two columns named \"{}\"", names[c]);
    data::Field field{.name = names[c], .minimum = kUnknown, .maximum = kUnknown};
    field.type = type(c);
    if (field.type == data::ColumnType::kCategory) {
      const std::unordered_set<std::string_view> distinct(levels[c].begin(), levels[c].end());
      if (distinct.size() != levels[c].size())
        throw Error(ErrorCode::kModel, "column \"{}\" of the model has the same level twice", names[c]);
      field.dictionary = std::make_shared<const data::Dictionary>(levels[c]);
    }
    fields.push_back(std::move(field));
  }
  return data::Schema(std::move(fields));
}

LearnerShape ImportedColumns::shape(data::Task task, std::size_t n_outputs) const {
  LearnerShape out{task, n_outputs, names, {}};
  for (std::size_t c = 0; c < names.size(); ++c) out.types.push_back(type(c));
  return out;
}

std::vector<std::string> numbered_classes(std::size_t n) { return ImportedColumns::numbered(n, ""); }

pipeline::Model single_learner_model(const ImportedColumns& columns, data::Task task,
                                     std::vector<std::string> classes, const std::string& name,
                                     pipeline::Pipeline pipeline) {
  pipeline::Model out;
  out.schema = columns.schema();
  out.task = task;
  out.classes = std::move(classes);
  out.base = no_steps();
  out.views["all"] = no_steps();
  out.target_low = std::numeric_limits<double>::lowest();
  out.target_high = std::numeric_limits<double>::max();
  pipeline::Member member{name, 1, "all", {}};
  member.pipelines.push_back(std::move(pipeline));
  out.members.push_back(std::move(member));
  return out;
}

pipeline::Pipeline registered_forest(const std::string& estimator, const LearnerShape& shape,
                                     const model::Forest& forest, std::span<const double> importance) {
  std::vector<std::string> types;
  for (const data::ColumnType type : shape.types) types.emplace_back(data::type_name(type));
  artifact::Node node;
  node.set("estimator", estimator);
  node.set("params", ParamMap());
  node.add_child("recipe").set("n_steps", 0);
  artifact::Node& learner = node.add_child("state");
  learner.set("task", std::string(data::task_name(shape.task)));
  learner.set("n_outputs", shape.n_outputs);
  learner.set("feature_names", shape.names);
  learner.set("feature_types", std::move(types));
  artifact::Node& state = learner.add_child("state");
  forest.save(state.add_child("forest"));
  state.set_array("feature_importance", importance);
  return pipeline::Pipeline::load(node);  // which checks every index
}

}  // namespace kolosal::infer
