#include "kolosal/data/field_reader.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/data/convert_cells_internal.hpp"
#include "kolosal/data/level_codes_internal.hpp"
#include "kolosal/data/text_value.hpp"

namespace kolosal::data {

struct FieldReader::Levels {
  explicit Levels(const Dictionary& dictionary)
      : codes(dictionary), numbers(dictionary), bools(bool_levels(dictionary)) {}
  LevelCodes codes;
  NumberLevels numbers;
  std::pair<std::int32_t, std::int32_t> bools;
};

FieldReader::FieldReader(const Field& field) : type_(field.type), dictionary_(field.dictionary) {
  KOLOSAL_ASSERT(type_ != ColumnType::kSparse, "no field of a schema is sparse");
  if (type_ == ColumnType::kCategory) levels_ = std::make_unique<const Levels>(*dictionary_);
}

FieldReader::FieldReader(FieldReader&&) noexcept = default;
FieldReader::~FieldReader() = default;

RowCell FieldReader::missing() const {
  RowCell out;
  out.number = type_ == ColumnType::kCategory ? kMissingCode : std::numeric_limits<double>::quiet_NaN();
  out.is_missing = true;
  return out;
}

FieldReader::Read FieldReader::code(std::int32_t code) const {
  Read out{missing()};
  out.cell.number = code;
  return out;
}

template <typename T>
FieldReader::Read FieldReader::present(const std::optional<T>& value) const {
  Read out{missing(), !value};
  if (!value) return out;
  out.cell.is_missing = false;
  if (type_ == ColumnType::kDate || type_ == ColumnType::kTimestamp)
    out.cell.time = static_cast<std::int64_t>(*value);
  else
    out.cell.number = static_cast<double>(*value);
  return out;
}

/// A text of ours, into the arena.
FieldReader::Read FieldReader::written(std::string_view text, RowArena& arena) const {
  const auto bytes = arena.take<char>(text.size());
  std::ranges::copy(text, bytes.begin());
  return this->text({bytes.data(), bytes.size()});
}

FieldReader::Read FieldReader::number(double value, RowArena& arena) const {
  if (std::isnan(value)) return {missing()};
  switch (type_) {
    case ColumnType::kBool:
      return present(zero_or_one(value));
    case ColumnType::kInt64:
      return present(whole_number(std::round(value)));
    case ColumnType::kFloat64:
      return present(std::optional(value));
    case ColumnType::kFloat32:
      return present(std::optional(static_cast<float>(value)));
    case ColumnType::kCategory:
      return code(levels_->numbers.find(value, format_float(value)));
    case ColumnType::kText:
      return written(format_float(value), arena);
    default:
      return {missing(), true};
  }
}

FieldReader::Read FieldReader::boolean(bool value, RowArena& arena) const {
  switch (type_) {
    case ColumnType::kCategory:
      return code(value ? levels_->bools.second : levels_->bools.first);
    case ColumnType::kText:
      return written(value ? "true" : "false", arena);
    default:
      return number(value ? 1 : 0, arena);
  }
}

FieldReader::Read FieldReader::text(std::string_view text) const {
  Read out{missing()};
  switch (type_) {
    case ColumnType::kCategory: {  // as level_code()
      const std::int32_t known = levels_->codes.find(text);
      return code(known == kUnseenCode && is_missing_text(text) ? kMissingCode : known);
    }
    case ColumnType::kText:
      out.cell.bytes = text.data();
      out.cell.n = static_cast<std::uint32_t>(text.size());
      out.cell.is_missing = false;
      return out;
    case ColumnType::kBool:
      out = present(parse_bool_value(text));
      break;
    case ColumnType::kInt64: {
      const auto rounded = parse_rounded(text);
      out = present(rounded ? std::optional(rounded->whole) : std::nullopt);
      break;
    }
    case ColumnType::kFloat64:
      out = present(parse_float(text));
      break;
    case ColumnType::kFloat32: {
      const auto value = parse_float(text);
      out = present(value ? std::optional(static_cast<float>(*value)) : std::nullopt);
      break;
    }
    case ColumnType::kDate:
      out = present(parse_date(text));
      break;
    default:
      out = present(parse_timestamp(text));
      break;
  }
  out.is_unreadable = out.is_unreadable && !is_missing_text(text);
  return out;
}

}  // namespace kolosal::data
