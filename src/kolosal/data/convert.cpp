#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kolosal/core/error.hpp"
#include "kolosal/data/convert_cells_internal.hpp"
#include "kolosal/data/convert_internal.hpp"
#include "kolosal/data/text_value.hpp"

namespace kolosal::data {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool is_time(ColumnType type) { return type == ColumnType::kDate || type == ColumnType::kTimestamp; }

// What one cell became.
template <typename T>
struct Cell {
  enum class State { kPresent, kMissing, kUnreadable };
  State state = State::kUnreadable;
  T value{};

  static Cell missing() { return {State::kMissing, {}}; }
  static Cell of(std::optional<T> value) { return value ? Cell{State::kPresent, *value} : Cell{}; }
};

template <typename T>
Cell<T> read_text(std::string_view text, std::optional<T> (*parse)(std::string_view)) {
  auto cell = Cell<T>::of(parse(text));
  if (cell.state == Cell<T>::State::kUnreadable && is_missing_text(text)) return Cell<T>::missing();
  return cell;
}

// Calls put(row, cell) for every row of a text or category column; a level is read once, however often it
// occurs.
template <typename T, typename Put>
void read_texts(const Column& input, std::optional<T> (*parse)(std::string_view), Put put) {
  if (input.type() == ColumnType::kText) {
    for (std::size_t i = 0; i < input.size(); ++i)
      put(i, input.is_missing(i) ? Cell<T>::missing() : read_text(input.text(i), parse));
    return;
  }
  std::vector<Cell<T>> levels;
  for (const std::string& level : input.dictionary()->levels()) levels.push_back(read_text(level, parse));
  const auto codes = input.codes();
  for (std::size_t i = 0; i < codes.size(); ++i)
    put(i, codes[i] < 0 ? Cell<T>::missing() : levels[static_cast<std::size_t>(codes[i])]);
}

// Collects cells into values and a bitmap.
template <typename T>
class Collector {
 public:
  explicit Collector(std::size_t n) : values_(n) {}

  void operator()(std::size_t row, const Cell<T>& cell) {
    if (cell.state == Cell<T>::State::kPresent) {
      values_[row] = cell.value;
      return;
    }
    if constexpr (std::is_floating_point_v<T>) {
      values_[row] = std::numeric_limits<T>::quiet_NaN();
    } else {
      if (valid_.empty()) valid_ = all_present(values_.size());
      clear_bit(valid_.data(), row);
    }
    if (cell.state == Cell<T>::State::kMissing) return;
    if (n_unreadable_++ == 0) first_ = row;
  }

  // make: a factory of Column, as Column::from_int64.
  template <typename Make>
  Conversion finish(Make make) {
    Conversion out;
    if constexpr (std::is_floating_point_v<T>) {
      out.column = make(std::move(values_));
    } else {
      out.column = make(std::move(values_), std::move(valid_));
    }
    out.n_unreadable = n_unreadable_;
    out.first_unreadable = first_;
    return out;
  }

 private:
  std::vector<T> values_;
  Bitmap valid_;
  std::size_t n_unreadable_ = 0;
  std::optional<std::size_t> first_;
};

// Every row through convert(), which sees present rows only.
template <typename T, typename Convert>
void read_numbers(const Column& input, Collector<T>& out, Convert convert) {
  for (std::size_t i = 0; i < input.size(); ++i)
    out(i, input.is_missing(i) ? Cell<T>::missing() : convert(i));
}

std::optional<float> parse_float32(std::string_view text) {
  const auto value = parse_float(text);
  if (!value) return {};
  return static_cast<float>(*value);
}

Conversion all_unreadable(const Column& input, Column missing) {
  Conversion out{std::move(missing), 0, 0, {}};
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (input.is_missing(i)) continue;
    if (out.n_unreadable++ == 0) out.first_unreadable = i;
  }
  return out;
}

template <typename T, typename Make>
Conversion to_floating(const Column& input, std::optional<T> (*parse)(std::string_view), Make make) {
  if (is_time(input.type()))
    return all_unreadable(input, make(std::vector<T>(input.size(), static_cast<T>(kNaN))));
  if (input.is_numeric()) {
    std::vector<T> values(input.size());
    input.copy_numbers(std::span<T>(values));
    return {make(std::move(values)), 0, 0, {}};
  }
  Collector<T> out(input.size());
  read_texts(input, parse, [&](std::size_t i, const Cell<T>& cell) { out(i, cell); });
  return out.finish(make);
}

// A column that was whole in training and now has fractions: rounded, and counted, since the nearest whole
// number says more than a missing cell, and learners keep the type that they were trained with.
Conversion to_int64(const Column& input) {
  using IntCell = Cell<std::int64_t>;
  Collector<std::int64_t> out(input.size());
  std::size_t n_rounded = 0;
  if (input.is_numeric()) {
    read_numbers(input, out, [&](std::size_t i) {
      const double value = input.number(i);
      n_rounded += value != std::round(value);
      return IntCell::of(whole_number(std::round(value)));
    });
  } else if (is_time(input.type())) {
    read_numbers(input, out, [](std::size_t) { return IntCell{}; });
  } else {
    read_texts(input, parse_rounded, [&](std::size_t i, const Cell<Rounded>& cell) {
      n_rounded += cell.value.was_fraction;
      out(i, {static_cast<IntCell::State>(cell.state), cell.value.whole});
    });
  }
  Conversion result = out.finish(Column::from_int64);
  result.n_rounded = n_rounded;
  return result;
}

Conversion to_bool(const Column& input) {
  using BoolCell = Cell<std::uint8_t>;
  Collector<std::uint8_t> out(input.size());
  if (input.is_numeric()) {
    read_numbers(input, out, [&](std::size_t i) { return BoolCell::of(zero_or_one(input.number(i))); });
  } else if (is_time(input.type())) {
    read_numbers(input, out, [](std::size_t) { return BoolCell{}; });
  } else {
    read_texts(input, parse_bool_value, [&](std::size_t i, const BoolCell& cell) { out(i, cell); });
  }
  return out.finish(Column::from_bool);
}

Conversion to_time(const Column& input, ColumnType type) {
  const bool date = type == ColumnType::kDate;
  Collector<std::int64_t> out(input.size());
  if (is_time(input.type())) {
    const auto values = input.int64s();
    read_numbers(input, out, [&](std::size_t i) {
      return Cell<std::int64_t>::of(date ? floor_to_day(values[i]) : values[i]);
    });
  } else if (input.is_numeric()) {
    read_numbers(input, out, [](std::size_t) { return Cell<std::int64_t>{}; });
  } else {
    read_texts(input, date ? parse_date : parse_timestamp,
               [&](std::size_t i, const Cell<std::int64_t>& cell) { out(i, cell); });
  }
  return out.finish(date ? Column::from_date : Column::from_timestamp);
}

Conversion to_text(const Column& input) {
  std::vector<std::int64_t> offsets{0};
  offsets.reserve(input.size() + 1);
  std::string bytes;
  Bitmap valid;
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (input.is_missing(i)) {
      if (valid.empty()) valid = all_present(input.size());
      clear_bit(valid.data(), i);
    } else {
      bytes += input.cell_text(i);
    }
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  return {Column::from_text(std::move(offsets), std::move(bytes), std::move(valid)), 0, 0, {}};
}

std::vector<std::int32_t> number_codes(const Column& input, const Dictionary& dictionary) {
  const NumberLevels levels(dictionary);
  std::unordered_map<double, std::int32_t> known;  // columns that are categories have few distinct numbers
  std::vector<std::int32_t> codes(input.size(), kMissingCode);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (input.is_missing(i)) continue;
    const double value = input.number(i);
    if (std::abs(value) >= kExactIntegers) {
      codes[i] = levels.find(value, input.cell_text(i));
      continue;
    }
    const auto [it, added] = known.try_emplace(value, kUnseenCode);
    if (added) {
      const std::string text = input.cell_text(i);
      // A float32 is matched by its text: 0.1F is not the double 0.1.
      it->second = levels.find(parse_float(text).value_or(value), text);
    }
    codes[i] = it->second;
  }
  return codes;
}

std::vector<std::int32_t> category_codes(const Column& input, const Dictionary& dictionary) {
  std::vector<std::int32_t> code_of;
  for (const std::string& level : input.dictionary()->levels())
    code_of.push_back(level_code(level, dictionary));
  std::vector<std::int32_t> codes(input.codes().begin(), input.codes().end());
  for (std::int32_t& code : codes)
    if (code >= 0) code = code_of[static_cast<std::size_t>(code)];
  return codes;
}

std::vector<std::int32_t> other_codes(const Column& input, const Dictionary& dictionary) {
  std::vector<std::int32_t> codes(input.size(), kMissingCode);
  const auto [no, yes] =
      input.type() == ColumnType::kBool ? bool_levels(dictionary) : std::pair(kUnseenCode, kUnseenCode);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (input.is_missing(i)) continue;
    switch (input.type()) {
      case ColumnType::kBool:
        codes[i] = input.bools()[i] ? yes : no;
        break;
      case ColumnType::kText:
        codes[i] = level_code(input.text(i), dictionary);
        break;
      default:
        codes[i] = dictionary.find(input.cell_text(i));
    }
  }
  return codes;
}

Conversion to_category(const Column& input, const std::shared_ptr<const Dictionary>& dictionary) {
  Conversion out;
  if (input.type() == ColumnType::kCategory) {
    if (input.dictionary() == dictionary) {
      out.column = input;
    } else if (input.dictionary()->levels() == dictionary->levels()) {
      out.column = Column::wrap(ColumnType::kCategory, input.codes().data(), input.size(), nullptr, 0,
                                input.owner(), dictionary);
    } else {
      out.column = Column::from_category(category_codes(input, *dictionary), dictionary);
    }
  } else {
    const bool number = input.is_numeric() && input.type() != ColumnType::kBool;
    out.column = Column::from_category(
        number ? number_codes(input, *dictionary) : other_codes(input, *dictionary), dictionary);
  }
  const auto codes = out.column.codes();
  out.n_unseen = static_cast<std::size_t>(std::count(codes.begin(), codes.end(), kUnseenCode));
  return out;
}

}  // namespace

Conversion convert_column(const Column& input, const Field& field) {
  if (field.type == ColumnType::kCategory) {
    KOLOSAL_ASSERT(field.dictionary, "a category field has a dictionary");
    if (input.type() != ColumnType::kSparse) return to_category(input, field.dictionary);
  }
  if (input.type() == field.type) return {input, 0, 0, {}};
  if (input.type() == ColumnType::kSparse || field.type == ColumnType::kSparse)
    throw Error(ErrorCode::kData, "column '{}' is {} here but was {} in training; give it with the same type",
                field.name, type_name(input.type()), type_name(field.type));
  switch (field.type) {
    case ColumnType::kBool:
      return to_bool(input);
    case ColumnType::kInt64:
      return to_int64(input);
    case ColumnType::kFloat64:
      return to_floating<double>(input, parse_float, Column::from_float64);
    case ColumnType::kFloat32:
      return to_floating<float>(input, parse_float32, Column::from_float32);
    case ColumnType::kText:
      return to_text(input);
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return to_time(input, field.type);
    case ColumnType::kCategory:
    case ColumnType::kSparse:
      break;
  }
  KOLOSAL_ASSERT(false, "all types can be converted to");
}

}  // namespace kolosal::data
