#include "kolosal/data/column.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <type_traits>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/data/text_value.hpp"

namespace kolosal::data {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

constexpr std::array<std::pair<ColumnType, std::string_view>, 9> kTypeNames{{
    {ColumnType::kBool, "bool"},
    {ColumnType::kInt64, "int"},
    {ColumnType::kFloat64, "float"},
    {ColumnType::kFloat32, "float32"},
    {ColumnType::kCategory, "category"},
    {ColumnType::kText, "text"},
    {ColumnType::kDate, "date"},
    {ColumnType::kTimestamp, "timestamp"},
    {ColumnType::kSparse, "sparse"},
}};

// Bytes per row of the value buffer; 0 where it is not one value per row.
std::size_t value_bytes(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return 1;
    case ColumnType::kFloat32:
    case ColumnType::kCategory:
      return 4;
    case ColumnType::kInt64:
    case ColumnType::kFloat64:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return 8;
    case ColumnType::kText:
    case ColumnType::kSparse:
      return 0;
  }
  return 0;
}

bool is_int64(ColumnType type) {
  return type == ColumnType::kInt64 || type == ColumnType::kDate || type == ColumnType::kTimestamp;
}

std::size_t count_set_bits(const std::uint8_t* bits, std::size_t begin, std::size_t end) {
  std::size_t n = 0;
  std::size_t i = begin;
  for (; i < end && i % 8 != 0; ++i) n += test_bit(bits, i);
  for (; i + 8 <= end; i += 8) n += static_cast<std::size_t>(std::popcount(bits[i >> 3]));
  for (; i < end; ++i) n += test_bit(bits, i);
  return n;
}

// The buffers of a column that owns them.
template <typename T>
struct Owned {
  std::vector<T> values;
  Bitmap valid;
};

struct OwnedText {
  std::vector<std::int64_t> offsets;
  std::string bytes;
  Bitmap valid;
};

struct OwnedSparse {
  std::vector<std::int64_t> offsets;
  std::vector<std::int32_t> indices;
  std::vector<float> values;
};

template <typename T>
Column own(ColumnType type, std::vector<T> values, Bitmap valid,
           std::shared_ptr<const Dictionary> dictionary = nullptr) {
  KOLOSAL_ASSERT(valid.empty() || valid.size() >= (values.size() + 7) / 8,
                 "a bitmap has a bit for every row");
  auto owner = std::make_shared<const Owned<T>>(Owned<T>{std::move(values), std::move(valid)});
  const std::uint8_t* bits = owner->valid.empty() ? nullptr : owner->valid.data();
  const void* data = owner->values.data();
  const std::size_t n = owner->values.size();
  return Column::wrap(type, data, n, bits, 0, std::move(owner), std::move(dictionary));
}

// The rows of a column for which present(row) holds, as a bitmap; empty when all are.
template <typename Present>
Bitmap make_bitmap(std::size_t n, Present present) {
  Bitmap out = all_present(n);
  bool any_missing = false;
  for (std::size_t i = 0; i < n; ++i) {
    if (present(i)) continue;
    clear_bit(out.data(), i);
    any_missing = true;
  }
  if (!any_missing) out.clear();
  return out;
}

template <typename T>
std::vector<T> pick(std::span<const T> values, std::span<const std::uint32_t> rows) {
  std::vector<T> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] = values[rows[i]];
  return out;
}

Column take_text(const Column& column, std::span<const std::uint32_t> rows, Bitmap valid) {
  std::vector<std::int64_t> offsets(rows.size() + 1);
  for (std::size_t i = 0; i < rows.size(); ++i)
    offsets[i + 1] = offsets[i] + static_cast<std::int64_t>(column.text(rows[i]).size());
  std::string bytes;
  bytes.reserve(static_cast<std::size_t>(offsets.back()));
  for (const std::uint32_t row : rows) bytes += column.text(row);
  return Column::from_text(std::move(offsets), std::move(bytes), std::move(valid));
}

Column take_sparse(const SparseView& view, std::span<const std::uint32_t> rows) {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  offsets.reserve(rows.size() + 1);
  for (const std::uint32_t row : rows) {
    const auto begin = view.offsets[row];
    const auto end = view.offsets[row + 1];
    indices.insert(indices.end(), view.indices + begin, view.indices + end);
    values.insert(values.end(), view.values + begin, view.values + end);
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
  }
  return Column::from_sparse(std::move(offsets), std::move(indices), std::move(values), view.width);
}

bool same_dictionary(const Column& a, const Column& b) {
  return a.dictionary() == b.dictionary() || a.dictionary()->levels() == b.dictionary()->levels();
}

template <typename T, typename Values>
std::vector<T> join(std::span<const Column> parts, std::size_t n_rows, Values values) {
  std::vector<T> out;
  out.reserve(n_rows);
  for (const Column& part : parts) {
    const std::span<const T> view = values(part);
    out.insert(out.end(), view.begin(), view.end());
  }
  return out;
}

Bitmap join_bitmaps(std::span<const Column> parts, std::size_t n_rows) {
  const bool any =
      std::any_of(parts.begin(), parts.end(), [](const Column& c) { return c.valid_bits() != nullptr; });
  if (!any) return {};
  Bitmap out = all_present(n_rows);
  std::size_t at = 0;
  for (const Column& part : parts) {
    for (std::size_t i = 0; part.valid_bits() && i < part.size(); ++i)
      if (part.is_missing(i)) clear_bit(out.data(), at + i);
    at += part.size();
  }
  return out;
}

Column join_text(std::span<const Column> parts, std::size_t n_rows) {
  std::vector<std::int64_t> offsets{0};
  std::string bytes;
  offsets.reserve(n_rows + 1);
  for (const Column& part : parts) {
    if (part.size() == 0) continue;
    const std::int64_t* from = part.text_offsets();
    const std::int64_t shift = static_cast<std::int64_t>(bytes.size()) - from[0];
    bytes.append(part.text_bytes() + from[0], static_cast<std::size_t>(from[part.size()] - from[0]));
    for (std::size_t i = 1; i <= part.size(); ++i) offsets.push_back(from[i] + shift);
  }
  return Column::from_text(std::move(offsets), std::move(bytes), join_bitmaps(parts, n_rows));
}

Column join_sparse(std::span<const Column> parts) {
  const std::int32_t width = parts[0].sparse().width;
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  for (const Column& part : parts) {
    const SparseView view = part.sparse();
    KOLOSAL_ASSERT(view.width == width, "sparse columns to be joined have the same width");
    if (part.size() == 0) continue;
    const std::int64_t first = view.offsets[0];
    const std::int64_t shift = offsets.back() - first;
    indices.insert(indices.end(), view.indices + first, view.indices + view.offsets[part.size()]);
    values.insert(values.end(), view.values + first, view.values + view.offsets[part.size()]);
    for (std::size_t i = 1; i <= part.size(); ++i) offsets.push_back(view.offsets[i] + shift);
  }
  return Column::from_sparse(std::move(offsets), std::move(indices), std::move(values), width);
}

template <typename T, typename From>
void copy_present(std::span<T> out, std::span<const From> values, const Column& column) {
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = static_cast<T>(values[i]);
  if (!column.valid_bits()) return;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (column.is_missing(i)) out[i] = static_cast<T>(kNaN);
}

template <typename T>
void copy_all(const Column& column, std::span<T> out) {
  KOLOSAL_ASSERT(out.size() == column.size(), "the output has a place for every row");
  switch (column.type()) {
    case ColumnType::kBool:
      return copy_present(out, column.bools(), column);
    case ColumnType::kInt64:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return copy_present(out, column.int64s(), column);
    case ColumnType::kFloat64:
      return copy_present(out, column.float64s(), column);
    case ColumnType::kFloat32:
      return copy_present(out, column.float32s(), column);
    case ColumnType::kCategory: {
      const auto codes = column.codes();
      for (std::size_t i = 0; i < codes.size(); ++i)
        out[i] = codes[i] < 0 ? static_cast<T>(kNaN) : static_cast<T>(codes[i]);
      return;
    }
    case ColumnType::kText:
    case ColumnType::kSparse:
      break;
  }
  KOLOSAL_ASSERT(false, "text and sparse columns are no numbers");
}

std::string sparse_text(const SparseView& view, std::size_t row) {
  std::string out;
  for (auto i = view.offsets[row]; i < view.offsets[row + 1]; ++i) {
    if (!out.empty()) out += ' ';
    out += format_int(view.indices[i]) + ":" + format_float(view.values[i]);
  }
  return out;
}

}  // namespace

std::string_view type_name(ColumnType type) {
  for (const auto& [known, name] : kTypeNames)
    if (known == type) return name;
  KOLOSAL_ASSERT(false, "all types have a name");
}

std::optional<ColumnType> type_from_name(std::string_view name) {
  for (const auto& [type, known] : kTypeNames)
    if (known == name) return type;
  return {};
}

Bitmap all_present(std::size_t n) { return Bitmap((n + 7) / 8, 0xFF); }

Column Column::from_bool(std::vector<std::uint8_t> values, Bitmap valid) {
  return own(ColumnType::kBool, std::move(values), std::move(valid));
}

Column Column::from_int64(std::vector<std::int64_t> values, Bitmap valid) {
  return own(ColumnType::kInt64, std::move(values), std::move(valid));
}

Column Column::from_float64(std::vector<double> values) {
  return own(ColumnType::kFloat64, std::move(values), {});
}

Column Column::from_float32(std::vector<float> values) {
  return own(ColumnType::kFloat32, std::move(values), {});
}

Column Column::from_category(std::vector<std::int32_t> codes, std::shared_ptr<const Dictionary> dictionary) {
  return own(ColumnType::kCategory, std::move(codes), {}, std::move(dictionary));
}

Column Column::from_text(std::vector<std::int64_t> offsets, std::string bytes, Bitmap valid) {
  KOLOSAL_ASSERT(!offsets.empty() && offsets.back() <= static_cast<std::int64_t>(bytes.size()),
                 "text has n_rows + 1 offsets into its bytes");
  auto owner =
      std::make_shared<const OwnedText>(OwnedText{std::move(offsets), std::move(bytes), std::move(valid)});
  const std::uint8_t* bits = owner->valid.empty() ? nullptr : owner->valid.data();
  const auto* first = owner->offsets.data();
  const char* text = owner->bytes.data();
  const std::size_t n = owner->offsets.size() - 1;
  KOLOSAL_ASSERT(!bits || owner->valid.size() >= (n + 7) / 8, "a bitmap has a bit for every row");
  return wrap_text(first, text, n, bits, 0, std::move(owner));
}

Column Column::from_texts(const std::vector<std::optional<std::string>>& values) {
  std::vector<std::int64_t> offsets{0};
  offsets.reserve(values.size() + 1);
  std::string bytes;
  for (const auto& value : values) {
    if (value) bytes += *value;
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  Bitmap valid = make_bitmap(values.size(), [&](std::size_t i) { return values[i].has_value(); });
  return from_text(std::move(offsets), std::move(bytes), std::move(valid));
}

Column Column::from_date(std::vector<std::int64_t> nanoseconds, Bitmap valid) {
  return own(ColumnType::kDate, std::move(nanoseconds), std::move(valid));
}

Column Column::from_timestamp(std::vector<std::int64_t> nanoseconds, Bitmap valid) {
  return own(ColumnType::kTimestamp, std::move(nanoseconds), std::move(valid));
}

Column Column::from_sparse(std::vector<std::int64_t> offsets, std::vector<std::int32_t> indices,
                           std::vector<float> values, std::int32_t width) {
  KOLOSAL_ASSERT(!offsets.empty() && indices.size() == values.size() &&
                     offsets.back() <= static_cast<std::int64_t>(indices.size()),
                 "a sparse column has n_rows + 1 offsets and a value for every index");
  auto owner = std::make_shared<const OwnedSparse>(
      OwnedSparse{std::move(offsets), std::move(indices), std::move(values)});
  Column out;
  out.type_ = ColumnType::kSparse;
  out.n_rows_ = owner->offsets.size() - 1;
  out.offsets_ = owner->offsets.data();
  out.indices_ = owner->indices.data();
  out.values_ = owner->values.data();
  out.width_ = width;
  out.owner_ = std::move(owner);
  return out;
}

Column Column::wrap(ColumnType type, const void* values, std::size_t n_rows, const std::uint8_t* valid_bits,
                    std::size_t bit_offset, std::shared_ptr<const void> owner,
                    std::shared_ptr<const Dictionary> dictionary) {
  KOLOSAL_ASSERT(value_bytes(type) != 0, "text and sparse columns have more than one buffer");
  KOLOSAL_ASSERT((type == ColumnType::kCategory) == (dictionary != nullptr),
                 "only categories have a dictionary");
  const bool marks_missing_by_value =
      type == ColumnType::kFloat64 || type == ColumnType::kFloat32 || type == ColumnType::kCategory;
  KOLOSAL_ASSERT(!marks_missing_by_value || !valid_bits, "float and category columns have no bitmap");
  Column out;
  out.type_ = type;
  out.n_rows_ = n_rows;
  out.values_ = values;
  out.owner_ = std::move(owner);
  out.dictionary_ = std::move(dictionary);
  if (valid_bits && count_set_bits(valid_bits, bit_offset, bit_offset + n_rows) != n_rows) {
    out.valid_ = valid_bits;
    out.bit_offset_ = bit_offset;
  }
  if (type == ColumnType::kCategory) {
    const std::int32_t n_levels = out.dictionary_->size();
    const auto codes = out.codes();
    KOLOSAL_ASSERT(std::all_of(codes.begin(), codes.end(),
                               [=](std::int32_t code) { return code >= kUnseenCode && code < n_levels; }),
                   "every code is a level, kMissingCode or kUnseenCode");
  }
  return out;
}

Column Column::wrap_text(const std::int64_t* offsets, const char* bytes, std::size_t n_rows,
                         const std::uint8_t* valid_bits, std::size_t bit_offset,
                         std::shared_ptr<const void> owner) {
  Column out;
  out.type_ = ColumnType::kText;
  out.n_rows_ = n_rows;
  out.offsets_ = offsets;
  out.values_ = bytes;
  out.owner_ = std::move(owner);
  if (valid_bits && count_set_bits(valid_bits, bit_offset, bit_offset + n_rows) != n_rows) {
    out.valid_ = valid_bits;
    out.bit_offset_ = bit_offset;
  }
  return out;
}

bool Column::is_missing(std::size_t row) const {
  switch (type_) {
    case ColumnType::kFloat64:
      return std::isnan(static_cast<const double*>(values_)[row]);
    case ColumnType::kFloat32:
      return std::isnan(static_cast<const float*>(values_)[row]);
    case ColumnType::kCategory:
      return static_cast<const std::int32_t*>(values_)[row] < 0;
    default:
      return valid_ != nullptr && !test_bit(valid_, bit_offset_ + row);
  }
}

std::size_t Column::n_missing() const {
  std::size_t n = 0;
  switch (type_) {
    case ColumnType::kFloat64:
      for (const double value : float64s()) n += std::isnan(value);
      return n;
    case ColumnType::kFloat32:
      for (const float value : float32s()) n += std::isnan(value);
      return n;
    case ColumnType::kCategory:
      for (const std::int32_t code : codes()) n += code < 0;
      return n;
    default:
      return valid_ ? n_rows_ - count_set_bits(valid_, bit_offset_, bit_offset_ + n_rows_) : 0;
  }
}

std::span<const std::uint8_t> Column::bools() const {
  KOLOSAL_ASSERT(type_ == ColumnType::kBool, "the column is bool");
  return {static_cast<const std::uint8_t*>(values_), n_rows_};
}

std::span<const std::int64_t> Column::int64s() const {
  KOLOSAL_ASSERT(is_int64(type_), "the column is int, date or timestamp");
  return {static_cast<const std::int64_t*>(values_), n_rows_};
}

std::span<const double> Column::float64s() const {
  KOLOSAL_ASSERT(type_ == ColumnType::kFloat64, "the column is float");
  return {static_cast<const double*>(values_), n_rows_};
}

std::span<const float> Column::float32s() const {
  KOLOSAL_ASSERT(type_ == ColumnType::kFloat32, "the column is float32");
  return {static_cast<const float*>(values_), n_rows_};
}

std::span<const std::int32_t> Column::codes() const {
  KOLOSAL_ASSERT(type_ == ColumnType::kCategory, "the column is category");
  return {static_cast<const std::int32_t*>(values_), n_rows_};
}

std::string_view Column::text(std::size_t row) const {
  KOLOSAL_ASSERT(type_ == ColumnType::kText, "the column is text");
  if (is_missing(row)) return {};
  return {text_bytes() + offsets_[row], static_cast<std::size_t>(offsets_[row + 1] - offsets_[row])};
}

SparseView Column::sparse() const {
  KOLOSAL_ASSERT(type_ == ColumnType::kSparse, "the column is sparse");
  return {{offsets_, n_rows_ + 1}, indices_, static_cast<const float*>(values_), width_};
}

double Column::number(std::size_t row) const {
  if (is_missing(row)) return kNaN;
  switch (type_) {
    case ColumnType::kBool:
      return bools()[row];
    case ColumnType::kInt64:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return static_cast<double>(int64s()[row]);
    case ColumnType::kFloat64:
      return float64s()[row];
    case ColumnType::kFloat32:
      return static_cast<double>(float32s()[row]);
    case ColumnType::kCategory:
      return codes()[row];
    case ColumnType::kText:
    case ColumnType::kSparse:
      break;
  }
  KOLOSAL_ASSERT(false, "text and sparse columns are no numbers");
}

void Column::copy_numbers(std::span<double> out) const { copy_all(*this, out); }
void Column::copy_numbers(std::span<float> out) const { copy_all(*this, out); }

std::string Column::cell_text(std::size_t row) const {
  if (is_missing(row)) return {};
  switch (type_) {
    case ColumnType::kBool:
      return bools()[row] ? "true" : "false";
    case ColumnType::kInt64:
      return format_int(int64s()[row]);
    case ColumnType::kFloat64:
      return format_float(float64s()[row]);
    case ColumnType::kFloat32:
      return format_float(float32s()[row]);
    case ColumnType::kCategory:
      return dictionary_->level(codes()[row]);
    case ColumnType::kText:
      return std::string(text(row));
    case ColumnType::kDate:
      return format_date(int64s()[row]);
    case ColumnType::kTimestamp:
      return format_timestamp(int64s()[row]);
    case ColumnType::kSparse:
      return sparse_text(sparse(), row);
  }
  KOLOSAL_ASSERT(false, "all types have a text");
}

Column Column::slice(std::size_t offset, std::size_t n) const {
  KOLOSAL_ASSERT(offset <= n_rows_ && n <= n_rows_ - offset, "a slice lies inside its column");
  Column out = *this;
  out.n_rows_ = n;
  if (offsets_) out.offsets_ += offset;
  if (const std::size_t width = value_bytes(type_); width != 0 && values_)
    out.values_ = static_cast<const std::byte*>(values_) + offset * width;
  out.bit_offset_ += offset;
  if (out.valid_ && out.n_missing() == 0) out.valid_ = nullptr;
  return out;
}

Column Column::take(std::span<const std::uint32_t> rows) const {
  KOLOSAL_ASSERT(std::all_of(rows.begin(), rows.end(), [this](std::uint32_t row) { return row < n_rows_; }),
                 "the rows to take exist");
  Bitmap valid;
  if (valid_) valid = make_bitmap(rows.size(), [&](std::size_t i) { return !is_missing(rows[i]); });
  switch (type_) {
    case ColumnType::kBool:
      return own(type_, pick(bools(), rows), std::move(valid));
    case ColumnType::kInt64:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return own(type_, pick(int64s(), rows), std::move(valid));
    case ColumnType::kFloat64:
      return from_float64(pick(float64s(), rows));
    case ColumnType::kFloat32:
      return from_float32(pick(float32s(), rows));
    case ColumnType::kCategory:
      return from_category(pick(codes(), rows), dictionary_);
    case ColumnType::kText:
      return take_text(*this, rows, std::move(valid));
    case ColumnType::kSparse:
      return take_sparse(sparse(), rows);
  }
  KOLOSAL_ASSERT(false, "all types can be taken from");
}

std::size_t Column::n_bytes() const {
  std::size_t total = n_rows_ * value_bytes(type_);
  if (valid_) total += (n_rows_ + 7) / 8;
  if (offsets_) {
    const auto n = static_cast<std::size_t>(offsets_[n_rows_] - offsets_[0]);
    total += (n_rows_ + 1) * sizeof(std::int64_t);
    total += type_ == ColumnType::kText ? n : n * (sizeof(std::int32_t) + sizeof(float));
  }
  return total;
}

Column concatenate(std::span<const Column> parts) {
  if (parts.empty()) return {};
  if (parts.size() == 1) return parts[0];
  const ColumnType type = parts[0].type();
  std::size_t n_rows = 0;
  for (const Column& part : parts) {
    KOLOSAL_ASSERT(part.type() == type, "columns to be joined have the same type");
    KOLOSAL_ASSERT(type != ColumnType::kCategory || same_dictionary(part, parts[0]),
                   "categories to be joined have the same dictionary");
    n_rows += part.size();
  }
  switch (type) {
    case ColumnType::kBool:
      return own(type, join<std::uint8_t>(parts, n_rows, [](const Column& c) { return c.bools(); }),
                 join_bitmaps(parts, n_rows));
    case ColumnType::kInt64:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return own(type, join<std::int64_t>(parts, n_rows, [](const Column& c) { return c.int64s(); }),
                 join_bitmaps(parts, n_rows));
    case ColumnType::kFloat64:
      return Column::from_float64(join<double>(parts, n_rows, [](const Column& c) { return c.float64s(); }));
    case ColumnType::kFloat32:
      return Column::from_float32(join<float>(parts, n_rows, [](const Column& c) { return c.float32s(); }));
    case ColumnType::kCategory:
      return Column::from_category(
          join<std::int32_t>(parts, n_rows, [](const Column& c) { return c.codes(); }),
          parts[0].dictionary());
    case ColumnType::kText:
      return join_text(parts, n_rows);
    case ColumnType::kSparse:
      return join_sparse(parts);
  }
  KOLOSAL_ASSERT(false, "all types can be joined");
}

}  // namespace kolosal::data
