#include "kolosal/service/recipe_input.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/text_value.hpp"
#include "kolosal/service/prediction.hpp"

namespace kolosal::service {
namespace {

using data::ColumnType;

/// Whole numbers below this are exact as floats.
constexpr double kExactIntegers = 9007199254740992.0;

/// The types that make a file match the fit. Whole numbers that a float can not hold are read as such.
std::map<std::string, std::string> types_to_force(const data::Schema& schema, bool keeps_looks) {
  std::map<std::string, std::string> out = types_for(schema);
  for (const data::Field& field : schema.fields()) {
    if (field.role != data::Role::kFeature) {
      if (keeps_looks) out[field.name] = "category";
    } else if (field.type == ColumnType::kInt64 &&
               !(std::abs(field.minimum) < kExactIntegers && std::abs(field.maximum) < kExactIntegers)) {
      out[field.name] = "int";
    }
  }
  return out;
}

/// What a number or a time is, for a message; "" for types that take any text.
std::string_view what_it_holds(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return "true or false";
    case ColumnType::kInt64:
    case ColumnType::kFloat32:
    case ColumnType::kFloat64:
      return "a number";
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return "a date or time";
    default:
      return "";
  }
}

bool can_be_read(std::string_view text, ColumnType type) {
  if (data::is_missing_text(text)) return true;
  switch (type) {
    case ColumnType::kBool:
      return data::parse_bool(text).has_value();
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return data::parse_timestamp(text).has_value();
    default:
      return data::parse_float(text).has_value();
  }
}

std::string shortened(std::string text) {
  constexpr std::size_t kShown = 60;
  if (text.size() <= kShown) return text;
  std::size_t end = kShown;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string out;
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i)
    out += fmt::format("{}\"{}\"", i ? ", " : "", names[i]);
  if (names.size() > kShown) out += fmt::format(" and {} more", names.size() - kShown);
  return out;
}

}  // namespace

RecipeInput::RecipeInput(const FittedRecipe& fitted, const std::filesystem::path& path, io::ReadOptions read,
                         bool keeps_looks, const Context& context)
    : fitted_(fitted) {
  const auto asked = std::move(read.types);
  read.types = types_to_force(fitted.schema, keeps_looks);
  for (const auto& [name, type] : asked) read.types[name] = type;
  read.types_may_be_absent = true;  // check_columns() says it better
  stream_ = io::open_table_stream(path, read, context);
  check_columns(path);
  for (const data::Field& field : fitted.schema.fields())
    if (field.role != data::Role::kFeature &&
        std::ranges::find(stream_->names(), field.name) != stream_->names().end())
      passing_.push_back(field.name);
}

void RecipeInput::check_columns(const std::filesystem::path& path) const {
  const auto& present = stream_->names();
  std::vector<std::string> absent, added;
  for (const data::Field& field : fitted_.schema.fields())
    if (field.role == data::Role::kFeature && std::ranges::find(present, field.name) == present.end())
      absent.push_back(field.name);
  if (absent.empty()) return;
  for (const std::string& name : present)
    if (!fitted_.schema.find(name)) added.push_back(name);
  const std::string near = absent.size() == 1 ? nearest_name(absent[0], added) : "";
  throw Error(ErrorCode::kData, "the recipe was fitted on other columns: {} {} not in {}{}{}",
              list_of(absent), absent.size() == 1 ? "is" : "are", path.string(),
              added.empty() ? "" : fmt::format(", which has {} instead", list_of(added)),
              near.empty() ? "" : fmt::format("; is \"{}\" the new name of \"{}\"?", near, absent[0]));
}

void RecipeInput::check_numbers(const data::Frame& batch) const {
  for (const data::Field& field : fitted_.schema.fields()) {
    const std::string_view wanted = what_it_holds(field.type);
    if (field.role != data::Role::kFeature || wanted.empty()) continue;
    const data::Column& column = batch.column(field.name);
    if (column.type() != ColumnType::kText && column.type() != ColumnType::kCategory) continue;
    for (std::size_t i = 0; i < column.size(); ++i)
      if (!column.is_missing(i) && !can_be_read(column.cell_text(i), field.type))
        throw Error(ErrorCode::kData, "row {}, column \"{}\": \"{}\" is not {}, as the recipe was fitted on",
                    n_rows_ + i + 1, field.name, shortened(column.cell_text(i)), wanted);
  }
}

std::optional<RecipeInput::Batch> RecipeInput::next() {
  const auto batch = stream_->next();
  if (!batch) return {};
  check_numbers(*batch);
  data::ConformReport conform;
  Batch out{fitted_.schema.conform(*batch, &conform), batch->select(passing_)};
  add_report(conform_, conform);
  n_rows_ += batch->n_rows();
  return out;
}

}  // namespace kolosal::service
