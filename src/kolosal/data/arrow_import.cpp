#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/core/half_floats.hpp"
#include "kolosal/core/utf8.hpp"
#include "kolosal/data/arrow_bridge.hpp"
#include "kolosal/data/text_value.hpp"

namespace kolosal::data {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// One column of the batch: its arrays, the rows wanted, and what keeps them alive.
struct Source {
  const ArrowArray* array = nullptr;
  const ArrowSchema* schema = nullptr;
  std::string name;
  std::size_t offset = 0;  // first row, in elements of the buffers
  std::size_t n = 0;
  const std::uint8_t* valid = nullptr;  // null: all rows present
  std::size_t valid_offset = 0;
  std::shared_ptr<const void> owner;

  std::string_view format() const { return schema->format; }
  bool is_valid(std::size_t row) const { return !valid || test_bit(valid, valid_offset + row); }

  [[noreturn]] void fail(std::string_view why) const {
    throw Error(ErrorCode::kData, "column '{}' of the Arrow table (format '{}') can not be read: {}", name,
                format(), why);
  }

  const void* buffer(std::int64_t i) const {
    if (i >= array->n_buffers) fail("a buffer is missing");
    if (!array->buffers[i] && n > 0) fail("a buffer is missing");
    return array->buffers[i];
  }

  // The values of the rows wanted. Foreign memory may be misaligned: values() of such are copied first.
  template <typename T>
  std::span<const T> values(std::vector<T>& copy) const {
    if (n == 0) return {};
    const auto* first = static_cast<const std::byte*>(buffer(1)) + offset * sizeof(T);
    if (is_aligned<T>()) return {reinterpret_cast<const T*>(first), n};
    copy.resize(n);
    std::memcpy(copy.data(), first, n * sizeof(T));
    return copy;
  }
  template <typename T>
  bool is_aligned() const {
    return reinterpret_cast<std::uintptr_t>(array->buffers[1]) % alignof(T) == 0;
  }

  // A copy of the validity, for columns that are copied.
  Bitmap bitmap() const {
    if (!valid) return {};
    Bitmap out((n + 7) / 8, 0);
    for (std::size_t i = 0; i < n; ++i)
      if (is_valid(i)) set_bit(out.data(), i);
    return out;
  }
};

// What a user may call a format that we do not take.
std::string_view format_name(std::string_view format) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kNames{{
      {"+l", "list"},
      {"+L", "list"},
      {"+vl", "list"},
      {"+vL", "list"},
      {"+w", "list"},
      {"+s", "struct"},
      {"+m", "map"},
      {"+u", "union"},
      {"+r", "run-end encoded"},
      {"z", "binary"},
      {"Z", "binary"},
      {"vz", "binary"},
      {"w", "binary"},
      {"tt", "time of day"},
      {"tD", "duration"},
  }};
  for (const auto& [start, name] : kNames)
    if (format.starts_with(start)) return name;
  return format.starts_with("ti") ? "interval" : "unknown";
}

[[noreturn]] void unsupported(const Source& source) {
  throw Error(
      ErrorCode::kData,
      "column '{}' has a type that can not be used: {} (Arrow format '{}'); convert it or leave it out",
      source.name, format_name(source.format()), source.format());
}

// ---- Numbers --------------------------------------------------------------------------------------------

// A column of 8-byte integers as they are.
Column wrap_int64(const Source& source, ColumnType type) {
  std::vector<std::int64_t> copy;
  const auto values = source.values(copy);
  if (copy.empty())
    return Column::wrap(type, values.data(), source.n, source.valid, source.valid_offset, source.owner);
  return type == ColumnType::kTimestamp ? Column::from_timestamp(std::move(copy), source.bitmap())
                                        : Column::from_int64(std::move(copy), source.bitmap());
}

template <typename T>
Column import_int(const Source& source) {
  std::vector<T> copy;
  const auto values = source.values(copy);
  return Column::from_int64(std::vector<std::int64_t>(values.begin(), values.end()), source.bitmap());
}

Column import_uint64(const Source& source) {
  std::vector<std::uint64_t> copy;
  const auto values = source.values(copy);
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  bool fits = true;
  for (std::size_t i = 0; i < source.n; ++i) fits = fits && (values[i] <= kLargest || !source.is_valid(i));
  if (fits) {
    std::vector<std::int64_t> out(source.n);
    for (std::size_t i = 0; i < source.n; ++i) out[i] = static_cast<std::int64_t>(values[i]);
    return Column::from_int64(std::move(out), source.bitmap());
  }
  std::vector<double> out(source.n, kNaN);
  for (std::size_t i = 0; i < source.n; ++i)
    if (source.is_valid(i)) out[i] = static_cast<double>(values[i]);
  return Column::from_float64(std::move(out));
}

template <typename T, typename Make>
Column import_float(const Source& source, ColumnType type, Make make) {
  std::vector<T> copy;
  const auto values = source.values(copy);
  if (!source.valid && copy.empty())
    return Column::wrap(type, values.data(), source.n, nullptr, 0, source.owner);
  std::vector<T> out(values.begin(), values.end());
  for (std::size_t i = 0; i < source.n; ++i)
    if (!source.is_valid(i)) out[i] = static_cast<T>(kNaN);
  return make(std::move(out));
}

Column import_half(const Source& source) {
  std::vector<std::uint16_t> copy;
  const auto values = source.values(copy);
  std::vector<float> out(source.n, static_cast<float>(kNaN));
  for (std::size_t i = 0; i < source.n; ++i)
    if (source.is_valid(i)) out[i] = from_float16(values[i]);
  return Column::from_float32(std::move(out));
}

Column import_bool(const Source& source) {
  std::vector<std::uint8_t> out(source.n);
  if (source.n > 0) {
    const auto* bits = static_cast<const std::uint8_t*>(source.buffer(1));
    for (std::size_t i = 0; i < source.n; ++i) out[i] = test_bit(bits, source.offset + i);
  }
  return Column::from_bool(std::move(out), source.bitmap());
}

// A two's complement little-endian integer of any width, divided by 10^scale and rounded once: through its
// decimal digits, which from_chars reads exactly.
double decimal_value(const std::uint8_t* bytes, std::size_t n_bytes, int scale) {
  std::vector<std::uint32_t> limbs(n_bytes / 4);
  std::memcpy(limbs.data(), bytes, n_bytes);
  const bool negative = limbs.back() >> 31;
  std::uint64_t carry = 1;
  for (std::uint32_t& limb : limbs) {
    if (!negative) break;
    carry += static_cast<std::uint32_t>(~limb);
    limb = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  std::string digits;  // the last first
  while (std::any_of(limbs.begin(), limbs.end(), [](std::uint32_t limb) { return limb != 0; })) {
    std::uint64_t rest = 0;
    for (std::size_t i = limbs.size(); i-- > 0;) {
      rest = (rest << 32) | limbs[i];
      limbs[i] = static_cast<std::uint32_t>(rest / 10);
      rest %= 10;
    }
    digits += static_cast<char>('0' + rest);
  }
  if (digits.empty()) return 0;
  const std::string text =
      (negative ? "-" : "") + std::string(digits.rbegin(), digits.rend()) + fmt::format("e{}", -scale);
  return parse_float(text).value_or(kNaN);
}

// "d:precision,scale" or "d:precision,scale,bits".
Column import_decimal(const Source& source) {
  std::array<int, 3> field{0, 0, 128};
  std::string_view text = source.format().substr(2);
  for (int& value : field) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc()) source.fail("not a decimal type");
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) break;
    if (text.front() != ',') source.fail("not a decimal type");
    text.remove_prefix(1);
  }
  const int bits = field[2];
  if (bits != 32 && bits != 64 && bits != 128 && bits != 256) source.fail("not a decimal type");
  const std::size_t width = static_cast<std::size_t>(bits) / 8;
  std::vector<double> out(source.n, kNaN);
  const auto* bytes = static_cast<const std::uint8_t*>(source.buffer(1));
  for (std::size_t i = 0; i < source.n; ++i)
    if (source.is_valid(i)) out[i] = decimal_value(bytes + (source.offset + i) * width, width, field[1]);
  return Column::from_float64(std::move(out));
}

// ---- Times ----------------------------------------------------------------------------------------------

template <typename T>
std::vector<std::int64_t> to_nanoseconds(const Source& source, std::int64_t nanoseconds_per_unit) {
  std::vector<T> copy;
  const auto values = source.values(copy);
  std::vector<std::int64_t> out(source.n);
  for (std::size_t i = 0; i < source.n; ++i) {
    if (!source.is_valid(i)) continue;
    if (__builtin_mul_overflow(std::int64_t{values[i]}, nanoseconds_per_unit, &out[i]))
      throw Error(ErrorCode::kData, "column '{}' holds a time outside the years 1677 to 2262 in row {}",
                  source.name, i + 1);
  }
  return out;
}

Column import_date(const Source& source) {
  if (source.format() == "tdD")
    return Column::from_date(to_nanoseconds<std::int32_t>(source, kNanosecondsPerDay), source.bitmap());
  auto days = to_nanoseconds<std::int64_t>(source, 1'000'000);
  for (std::int64_t& day : days) day = floor_to_day(day);
  return Column::from_date(std::move(days), source.bitmap());
}

Column import_timestamp(const Source& source) {
  std::int64_t unit = 0;
  switch (source.format()[2]) {
    case 's':
      unit = kNanosecondsPerSecond;
      break;
    case 'm':
      unit = 1'000'000;
      break;
    case 'u':
      unit = 1'000;
      break;
    case 'n':
      return wrap_int64(source, ColumnType::kTimestamp);
    default:
      unsupported(source);
  }
  return Column::from_timestamp(to_nanoseconds<std::int64_t>(source, unit), source.bitmap());
}

// ---- Texts ----------------------------------------------------------------------------------------------

void check_text(const Source& source, const Column& text) {
  if (text.size() == 0) return;
  const std::int64_t* offsets = text.text_offsets();
  for (std::size_t i = 0; i < text.size(); ++i)
    if (offsets[i] < 0 || offsets[i + 1] < offsets[i])
      source.fail(fmt::format("its text offsets are wrong in row {}", i + 1));
  const std::string_view all(text.text_bytes() + offsets[0],
                             static_cast<std::size_t>(offsets[text.size()] - offsets[0]));
  bool whole = is_valid_utf8(all);
  // Cutting between characters keeps each part valid; a continuation byte is not the first of a character.
  for (std::size_t i = 0; whole && i < text.size(); ++i)
    whole = offsets[i] == offsets[text.size()] ||
            (static_cast<unsigned char>(text.text_bytes()[offsets[i]]) & 0xC0) != 0x80;
  for (std::size_t i = 0; !whole && i < text.size(); ++i)  // bytes below missing cells do not count
    if (!is_valid_utf8(text.text(i)))
      throw Error(ErrorCode::kData, "column '{}' holds text that is not UTF-8 in row {}", source.name, i + 1);
}

const char* text_buffer(const Source& source) {
  if (source.array->n_buffers < 3) source.fail("a buffer is missing");
  const void* bytes = source.array->buffers[2];
  return bytes ? static_cast<const char*>(bytes) : "";  // may be absent when all texts are empty
}

template <typename Offset>
Column import_text(const Source& source) {
  if (source.n == 0) return Column::from_text({0}, "");
  Source with_end = source;
  ++with_end.n;  // one offset more than rows
  std::vector<Offset> copy;
  const auto offsets = with_end.values(copy);
  const char* bytes = text_buffer(source);
  if constexpr (sizeof(Offset) == sizeof(std::int64_t)) {
    if (copy.empty())
      return Column::wrap_text(offsets.data(), bytes, source.n, source.valid, source.valid_offset,
                               source.owner);
  }
  struct Owner {
    std::vector<std::int64_t> offsets;
    std::shared_ptr<const void> bytes;
  };
  auto owner = std::make_shared<const Owner>(Owner{{offsets.begin(), offsets.end()}, source.owner});
  const std::int64_t* first = owner->offsets.data();
  return Column::wrap_text(first, bytes, source.n, source.valid, source.valid_offset, std::move(owner));
}

// A view is 16 bytes: the length, then up to 12 bytes of text, or 4 bytes of it, the buffer's number and the
// offset.
Column import_text_view(const Source& source) {
  const std::int64_t n_data = source.array->n_buffers - 3;
  if (n_data < 0) source.fail("a buffer is missing");
  const auto* sizes = static_cast<const std::int64_t*>(source.array->buffers[n_data + 2]);
  std::vector<std::int64_t> offsets{0};
  std::string bytes;
  for (std::size_t i = 0; i < source.n; ++i) {
    if (source.is_valid(i)) {
      const auto* view = static_cast<const char*>(source.buffer(1)) + (source.offset + i) * 16;
      std::array<std::int32_t, 4> field;
      std::memcpy(field.data(), view, sizeof field);
      const auto [length, prefix, buffer, offset] = field;
      static_cast<void>(prefix);
      if (length < 0) source.fail("a text view is out of bounds");
      if (length <= 12) {
        bytes.append(view + 4, static_cast<std::size_t>(length));
      } else {
        if (buffer < 0 || buffer >= n_data || offset < 0 || !sizes ||
            std::int64_t{offset} + length > sizes[buffer])
          source.fail("a text view is out of bounds");
        bytes.append(static_cast<const char*>(source.buffer(buffer + 2)) + offset,
                     static_cast<std::size_t>(length));
      }
    }
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  return Column::from_text(std::move(offsets), std::move(bytes), source.bitmap());
}

// ---- Dictionaries ---------------------------------------------------------------------------------------

template <typename T>
std::vector<std::int64_t> widen(const Source& source) {
  std::vector<T> copy;
  const auto values = source.values(copy);
  std::vector<std::int64_t> out(values.size());
  std::transform(values.begin(), values.end(), out.begin(),
                 [](T value) { return static_cast<std::int64_t>(value); });
  return out;
}

// The index of every row, -1 where missing; checked against the size of the dictionary.
std::vector<std::int64_t> import_indices(const Source& source, std::size_t n_values) {
  if (source.format().size() != 1) unsupported(source);
  std::vector<std::int64_t> out;
  switch (source.format()[0]) {
    case 'c':
      out = widen<std::int8_t>(source);
      break;
    case 'C':
      out = widen<std::uint8_t>(source);
      break;
    case 's':
      out = widen<std::int16_t>(source);
      break;
    case 'S':
      out = widen<std::uint16_t>(source);
      break;
    case 'i':
      out = widen<std::int32_t>(source);
      break;
    case 'I':
      out = widen<std::uint32_t>(source);
      break;
    case 'l':
      out = widen<std::int64_t>(source);
      break;
    case 'L':
      out = widen<std::uint64_t>(source);
      break;
    default:
      unsupported(source);
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!source.is_valid(i))
      out[i] = -1;
    else if (out[i] < 0 || static_cast<std::size_t>(out[i]) >= n_values)
      source.fail(fmt::format("row {} points outside its dictionary", i + 1));
  }
  return out;
}

// Arrow allows nulls and repeated texts in a dictionary; ours has neither.
Column import_category(const Source& source, const Column& values) {
  std::vector<std::string> levels;
  std::unordered_map<std::string_view, std::int32_t> known;
  std::vector<std::int32_t> code_of(values.size(), kMissingCode);
  bool same = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values.is_missing(i)) {
      const auto [it, added] = known.try_emplace(values.text(i), static_cast<std::int32_t>(levels.size()));
      if (added) levels.emplace_back(values.text(i));
      code_of[i] = it->second;
    }
    same = same && code_of[i] == static_cast<std::int32_t>(i);
  }
  auto dictionary = std::make_shared<const Dictionary>(std::move(levels));
  const auto indices = import_indices(source, values.size());
  if (same && source.format() == "i" && !source.valid && source.n > 0 && source.is_aligned<std::int32_t>()) {
    const auto* first = static_cast<const std::int32_t*>(source.buffer(1)) + source.offset;
    return Column::wrap(ColumnType::kCategory, first, source.n, nullptr, 0, source.owner,
                        std::move(dictionary));
  }
  std::vector<std::int32_t> codes(source.n, kMissingCode);
  for (std::size_t i = 0; i < source.n; ++i)
    if (indices[i] >= 0) codes[i] = code_of[static_cast<std::size_t>(indices[i])];
  return Column::from_category(std::move(codes), std::move(dictionary));
}

// Numbers, dates and booleans behind a dictionary are only packed: unpack them. A row that is missing takes
// row 0 and is then marked.
Column unpack(const Source& source, const Column& values) {
  const auto indices = import_indices(source, values.size());
  std::vector<std::uint32_t> rows(source.n);
  Bitmap valid = all_present(source.n);  // copied below, not moved: pick() reads it in the same call
  for (std::size_t i = 0; i < source.n; ++i) {
    if (indices[i] >= 0) rows[i] = static_cast<std::uint32_t>(indices[i]);
    if (indices[i] < 0 || values.is_missing(rows[i])) clear_bit(valid.data(), i);
  }
  auto pick = [&]<typename T>(std::span<const T> from) {
    std::vector<T> out(source.n);
    for (std::size_t i = 0; i < source.n; ++i)
      if (test_bit(valid.data(), i))
        out[i] = from[rows[i]];
      else if constexpr (std::is_floating_point_v<T>)
        out[i] = std::numeric_limits<T>::quiet_NaN();
    return out;
  };
  switch (values.type()) {
    case ColumnType::kBool:
      return Column::from_bool(pick(values.bools()), valid);
    case ColumnType::kInt64:
      return Column::from_int64(pick(values.int64s()), valid);
    case ColumnType::kDate:
      return Column::from_date(pick(values.int64s()), valid);
    case ColumnType::kTimestamp:
      return Column::from_timestamp(pick(values.int64s()), valid);
    case ColumnType::kFloat64:
      return Column::from_float64(pick(values.float64s()));
    case ColumnType::kFloat32:
      return Column::from_float32(pick(values.float32s()));
    default:
      unsupported(source);
  }
}

// ---- Columns --------------------------------------------------------------------------------------------

void set_validity(Source& source) {
  const ArrowArray& array = *source.array;
  if (array.null_count == 0 || array.n_buffers < 1 || !array.buffers[0] || source.format() == "n") return;
  const auto* bits = static_cast<const std::uint8_t*>(array.buffers[0]);
  for (std::size_t i = 0; i < source.n; ++i) {
    if (test_bit(bits, source.offset + i)) continue;
    source.valid = bits;
    source.valid_offset = source.offset;
    return;
  }
}

Column import_plain(const Source& source) {
  const std::string_view format = source.format();
  if (format.starts_with("d:")) return import_decimal(source);
  if (format == "tdD" || format == "tdm") return import_date(source);
  if (format.size() >= 4 && format.starts_with("ts") && format[3] == ':') return import_timestamp(source);
  if (format == "vu") return import_text_view(source);
  if (format.size() != 1) unsupported(source);
  switch (format[0]) {
    case 'n':
      return Column::from_float64(std::vector<double>(source.n, kNaN));
    case 'b':
      return import_bool(source);
    case 'c':
      return import_int<std::int8_t>(source);
    case 'C':
      return import_int<std::uint8_t>(source);
    case 's':
      return import_int<std::int16_t>(source);
    case 'S':
      return import_int<std::uint16_t>(source);
    case 'i':
      return import_int<std::int32_t>(source);
    case 'I':
      return import_int<std::uint32_t>(source);
    case 'l':
      return wrap_int64(source, ColumnType::kInt64);
    case 'L':
      return import_uint64(source);
    case 'e':
      return import_half(source);
    case 'f':
      return import_float<float>(source, ColumnType::kFloat32, Column::from_float32);
    case 'g':
      return import_float<double>(source, ColumnType::kFloat64, Column::from_float64);
    case 'u':
      return import_text<std::int32_t>(source);
    case 'U':
      return import_text<std::int64_t>(source);
    default:
      unsupported(source);
  }
}

Column import_column(const Source& source) {
  if (source.schema->dictionary) {
    const ArrowArray* array = source.array->dictionary;
    if (!array || array->length < 0 || array->offset < 0) source.fail("its dictionary is missing");
    Source values{array,
                  source.schema->dictionary,
                  source.name,
                  static_cast<std::size_t>(array->offset),
                  static_cast<std::size_t>(array->length),
                  nullptr,
                  0,
                  source.owner};
    if (values.schema->dictionary) unsupported(values);
    set_validity(values);
    const Column column = import_column(values);
    return column.type() == ColumnType::kText ? import_category(source, column) : unpack(source, column);
  }
  Column out = import_plain(source);
  if (out.type() == ColumnType::kText) check_text(source, out);
  return out;
}

// Rows that are missing as a whole are missing in every column.
void mask_rows(Source& source, const Source& table) {
  if (!table.valid) return;
  struct Owner {
    Bitmap valid;
    std::shared_ptr<const void> arrays;
  };
  Bitmap both = all_present(source.n);
  for (std::size_t i = 0; i < source.n; ++i)
    if (!source.is_valid(i) || !table.is_valid(i)) clear_bit(both.data(), i);
  auto owner = std::make_shared<const Owner>(Owner{std::move(both), source.owner});
  source.valid = owner->valid.data();
  source.valid_offset = 0;
  source.owner = std::move(owner);
}

}  // namespace

Frame import_arrow(ArrowArray* array, const ArrowSchema* schema) {
  KOLOSAL_ASSERT(array && array->release, "an Arrow array that was not released is given");
  // Moved as the specification says: the caller's struct counts as released from here on.
  const std::shared_ptr<const ArrowArray> owner(std::make_unique<ArrowArray>(*array).release(),
                                                [](ArrowArray* moved) {
                                                  moved->release(moved);
                                                  std::default_delete<ArrowArray>()(moved);
                                                });
  array->release = nullptr;
  KOLOSAL_ASSERT(schema && schema->release && schema->format,
                 "an Arrow schema that was not released is given");
  Source table{owner.get(), schema, "", 0, 0, nullptr, 0, owner};
  if (table.format() != "+s")
    throw Error(ErrorCode::kData, "an Arrow table is a struct with one child per column, not format '{}'",
                schema->format);
  if (owner->n_children != schema->n_children || owner->length < 0 || owner->offset < 0)
    throw Error(ErrorCode::kData, "the Arrow table has {} columns, its schema {}", owner->n_children,
                schema->n_children);
  table.offset = static_cast<std::size_t>(owner->offset);
  table.n = static_cast<std::size_t>(owner->length);
  set_validity(table);

  std::vector<std::string> names;
  std::vector<Column> columns;
  std::unordered_set<std::string> seen;
  for (std::int64_t i = 0; i < owner->n_children; ++i) {
    Source source{owner->children[i], schema->children[i], "", 0, table.n, nullptr, 0, owner};
    if (source.schema->name) source.name = source.schema->name;
    if (!seen.insert(source.name).second)
      throw Error(ErrorCode::kData, "the Arrow table has two columns named '{}'; rename one", source.name);
    if (source.array->offset < 0 || source.array->length < owner->offset + owner->length)
      source.fail("it is too short");
    source.offset = static_cast<std::size_t>(source.array->offset) + table.offset;
    set_validity(source);
    mask_rows(source, table);
    columns.push_back(import_column(source));
    names.push_back(std::move(source.name));
  }
  return {std::move(names), std::move(columns)};
}

}  // namespace kolosal::data
