#include "kolosal/data/schema.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/convert_internal.hpp"

namespace kolosal::data {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

constexpr std::array<std::pair<Role, std::string_view>, 7> kRoleNames{{
    {Role::kFeature, "feature"},
    {Role::kTarget, "target"},
    {Role::kWeight, "weight"},
    {Role::kGroup, "group"},
    {Role::kTime, "time"},
    {Role::kId, "id"},
    {Role::kIgnored, "ignored"},
}};

std::pair<double, double> range_of(const Column& column) {
  std::pair<double, double> range(kNaN, kNaN);
  switch (column.type()) {
    case ColumnType::kCategory:
    case ColumnType::kText:
    case ColumnType::kSparse:
      return range;
    default:
      break;
  }
  for (std::size_t i = 0; i < column.size(); ++i) {
    const double value = column.number(i);
    if (std::isnan(value)) continue;
    if (!(range.first <= value)) range.first = value;
    if (!(range.second >= value)) range.second = value;
  }
  return range;
}

// JSON has no NaN and no infinity: null, "inf" and "-inf".
nlohmann::json number_to_json(double value) {
  if (std::isnan(value)) return nullptr;
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double number_from_json(const nlohmann::json& json) {
  if (json.is_null()) return kNaN;
  if (json.is_number()) return json.get<double>();
  const auto text = json.get<std::string>();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  throw Error(ErrorCode::kModel, "the schema holds no number but '{}'", text);
}

Role role_from_name(std::string_view name) {
  for (const auto& [role, known] : kRoleNames)
    if (known == name) return role;
  throw Error(ErrorCode::kModel, "the schema has an unknown role: '{}'", name);
}

Field field_from_json(const nlohmann::json& json) {
  Field field;
  field.name = json.at("name").get<std::string>();
  const auto type_text = json.at("type").get<std::string>();
  const auto type = type_from_name(type_text);
  if (!type)
    throw Error(ErrorCode::kModel, "column '{}' of the schema has an unknown type: '{}'", field.name,
                type_text);
  field.type = *type;
  field.role = role_from_name(json.at("role").get<std::string>());
  field.minimum = number_from_json(json.at("minimum"));
  field.maximum = number_from_json(json.at("maximum"));
  field.n_missing = json.at("n_missing").get<std::size_t>();
  if (field.type != ColumnType::kCategory) return field;
  auto levels = json.at("levels").get<std::vector<std::string>>();
  const std::unordered_set<std::string_view> distinct(levels.begin(), levels.end());
  if (distinct.size() != levels.size())
    throw Error(ErrorCode::kModel, "column '{}' of the schema has the same level twice", field.name);
  field.dictionary = std::make_shared<const Dictionary>(std::move(levels));
  return field;
}

[[noreturn]] void absent_column(const Field& field, const Frame& input) {
  const std::string nearest = nearest_name(field.name, input.names());
  if (nearest.empty())
    throw Error(ErrorCode::kData, "column '{}' is missing; the model was trained with it", field.name);
  throw Error(ErrorCode::kData,
              "column '{}' is missing; the model was trained with it. The nearest name here is '{}'",
              field.name, nearest);
}

void check_readable(const Conversion& conversion, const Column& input, const Field& field) {
  const std::size_t n_present = input.size() - input.n_missing();
  if (2 * conversion.n_unreadable <= n_present) return;
  const std::size_t row = *conversion.first_unreadable;
  constexpr std::size_t kShown = 60;
  std::string cell = input.cell_text(row);
  if (cell.size() > kShown) cell = cell.substr(0, kShown) + "...";
  throw Error(ErrorCode::kData,
              "column '{}' was {} in training, but {} of its {} values here can not be read as that; the "
              "first is '{}' "
              "in row {}",
              field.name, type_name(field.type), conversion.n_unreadable, n_present, cell, row + 1);
}

}  // namespace

std::string_view role_name(Role role) {
  for (const auto& [known, name] : kRoleNames)
    if (known == role) return name;
  KOLOSAL_ASSERT(false, "all roles have a name");
}

Schema Schema::of(const Frame& frame) {
  std::vector<Field> fields;
  fields.reserve(frame.n_columns());
  for (std::size_t i = 0; i < frame.n_columns(); ++i) {
    const Column& column = frame.column(i);
    const auto [minimum, maximum] = range_of(column);
    fields.push_back({frame.name(i), column.type(), Role::kFeature, column.dictionary(), minimum, maximum,
                      column.n_missing()});
  }
  return Schema(std::move(fields));
}

const Field* Schema::find(std::string_view name) const {
  for (const Field& field : fields_)
    if (field.name == name) return &field;
  return nullptr;
}

std::vector<std::string> Schema::names_with(Role role) const {
  std::vector<std::string> out;
  for (const Field& field : fields_)
    if (field.role == role) out.push_back(field.name);
  return out;
}

Frame Schema::conform(const Frame& input, ConformReport* report) const {
  std::unordered_map<std::string_view, std::size_t> position;
  for (std::size_t i = 0; i < input.n_columns(); ++i) position.emplace(input.name(i), i);
  std::vector<std::string> names;
  std::vector<Column> columns;
  for (const Field& field : fields_) {
    const auto it = position.find(field.name);
    if (field.role == Role::kFeature) {
      if (it == position.end()) absent_column(field, input);
      const Column& column = input.column(it->second);
      Conversion conversion = convert_column(column, field);
      check_readable(conversion, column, field);
      if (report && conversion.n_unreadable > 0)
        report->unreadable_cells[field.name] += conversion.n_unreadable;
      if (report && conversion.n_rounded > 0) report->rounded_cells[field.name] += conversion.n_rounded;
      if (report && conversion.n_unseen > 0) report->unseen_levels[field.name] += conversion.n_unseen;
      names.push_back(field.name);
      columns.push_back(std::move(conversion.column));
    }
    if (it != position.end()) position.erase(it);
  }
  if (report) {
    report->extra_columns.clear();
    for (const std::string& name : input.names())
      if (position.contains(name)) report->extra_columns.push_back(name);
  }
  return {std::move(names), std::move(columns)};
}

Frame Schema::empty_frame() const {
  Frame out;
  for (const Field& field : fields_) {
    Field plain = field;
    plain.role = Role::kFeature;
    out.add(field.name, convert_column(Column::from_texts({}), plain).column);
  }
  return out;
}

nlohmann::json Schema::to_json() const {
  nlohmann::json columns = nlohmann::json::array();
  for (const Field& field : fields_) {
    nlohmann::json column = {{"name", field.name},
                             {"type", type_name(field.type)},
                             {"role", role_name(field.role)},
                             {"minimum", number_to_json(field.minimum)},
                             {"maximum", number_to_json(field.maximum)},
                             {"n_missing", field.n_missing}};
    if (field.dictionary) column["levels"] = field.dictionary->levels();
    columns.push_back(std::move(column));
  }
  return {{"columns", std::move(columns)}};
}

Schema Schema::from_json(const nlohmann::json& json) {
  try {
    std::vector<Field> fields;
    for (const auto& column : json.at("columns")) fields.push_back(field_from_json(column));
    return Schema(std::move(fields));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kModel, "the schema of the model can not be read: {}", error.what());
  }
}

}  // namespace kolosal::data
