#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/data/dictionary.hpp"

namespace kolosal::data {

enum class ColumnType : std::uint8_t {
  kBool,       ///< uint8, 0 or 1
  kInt64,      ///< int64
  kFloat64,    ///< double; a missing cell is NaN
  kFloat32,    ///< float; a missing cell is NaN
  kCategory,   ///< int32 code into a Dictionary; a missing cell is -1, a level not in the dictionary is -2
  kText,       ///< UTF-8, int64 offsets
  kDate,       ///< a calendar day, as int64 nanoseconds since 1970-01-01 00:00 UTC
  kTimestamp,  ///< int64 nanoseconds since 1970-01-01 00:00 UTC
  kSparse,     ///< a sparse vector of a fixed width per row (one-hot, hashed text), as CSR
};

/// "bool", "int", "float", "float32", "category", "text", "date", "timestamp", "sparse".
std::string_view type_name(ColumnType type);
/// The type of such a name. Empty when unknown.
std::optional<ColumnType> type_from_name(std::string_view name);

inline constexpr std::int32_t kMissingCode = -1;  ///< A category cell that is missing.
inline constexpr std::int32_t kUnseenCode =
    -2;  ///< A category cell whose level the dictionary does not hold.

/// One bit per row, least significant bit first, 1 = present: Arrow's validity bitmap. Empty = all present.
using Bitmap = std::vector<std::uint8_t>;

inline bool test_bit(const std::uint8_t* bits, std::size_t i) { return (bits[i >> 3] >> (i & 7)) & 1; }
inline void set_bit(std::uint8_t* bits, std::size_t i) {
  bits[i >> 3] |= static_cast<std::uint8_t>(1U << (i & 7));
}
inline void clear_bit(std::uint8_t* bits, std::size_t i) {
  bits[i >> 3] &= static_cast<std::uint8_t>(~(1U << (i & 7)));
}
/// A bitmap of n rows, all present.
Bitmap all_present(std::size_t n);

/// Compressed sparse rows: row i holds indices[offsets[i] .. offsets[i + 1]), ascending, with their values.
struct SparseView {
  std::span<const std::int64_t> offsets;  ///< n_rows + 1; offsets[0] need not be 0 (slices)
  const std::int32_t* indices = nullptr;
  const float* values = nullptr;
  std::int32_t width = 0;
};

/// One typed, immutable array. Copying, slicing and passing on share the buffers; nothing is copied.
///
/// Missing: is_missing() answers for every type. Float columns hold NaN and category columns kMissingCode or
/// kUnseenCode in missing cells, so kernels need no bitmap there; the other types have a validity bitmap,
/// absent when nothing is missing. What a missing cell of those holds is unspecified but initialised.
/// Threads: immutable, so safe.
class Column {
 public:
  Column() = default;  ///< An empty float64 column.

  static Column from_bool(std::vector<std::uint8_t> values, Bitmap valid = {});
  static Column from_int64(std::vector<std::int64_t> values, Bitmap valid = {});
  static Column from_float64(std::vector<double> values);
  static Column from_float32(std::vector<float> values);
  static Column from_category(std::vector<std::int32_t> codes, std::shared_ptr<const Dictionary> dictionary);
  /// offsets: n_rows + 1 positions in bytes.
  static Column from_text(std::vector<std::int64_t> offsets, std::string bytes, Bitmap valid = {});
  static Column from_texts(const std::vector<std::optional<std::string>>& values);
  static Column from_date(std::vector<std::int64_t> nanoseconds, Bitmap valid = {});
  static Column from_timestamp(std::vector<std::int64_t> nanoseconds, Bitmap valid = {});
  static Column from_sparse(std::vector<std::int64_t> offsets, std::vector<std::int32_t> indices,
                            std::vector<float> values, std::int32_t width);

  /// Wraps foreign buffers (Arrow, a mapped file) that `owner` keeps alive; nothing is copied. Only for types
  /// with one value buffer whose missing cells already follow the rule above.
  static Column wrap(ColumnType type, const void* values, std::size_t n_rows, const std::uint8_t* valid_bits,
                     std::size_t bit_offset, std::shared_ptr<const void> owner,
                     std::shared_ptr<const Dictionary> dictionary = nullptr);
  static Column wrap_text(const std::int64_t* offsets, const char* bytes, std::size_t n_rows,
                          const std::uint8_t* valid_bits, std::size_t bit_offset,
                          std::shared_ptr<const void> owner);

  ColumnType type() const { return type_; }
  std::size_t size() const { return n_rows_; }
  bool is_missing(std::size_t row) const;
  std::size_t n_missing() const;
  bool is_numeric() const {
    return type_ == ColumnType::kBool || type_ == ColumnType::kInt64 || type_ == ColumnType::kFloat64 ||
           type_ == ColumnType::kFloat32;
  }

  // Typed access; each asserts the type.
  std::span<const std::uint8_t> bools() const;
  std::span<const std::int64_t> int64s() const;  ///< kInt64, kDate, kTimestamp
  std::span<const double> float64s() const;
  std::span<const float> float32s() const;
  std::span<const std::int32_t> codes() const;
  std::string_view text(std::size_t row) const;  ///< "" where missing
  SparseView sparse() const;
  /// Never null for kCategory.
  const std::shared_ptr<const Dictionary>& dictionary() const { return dictionary_; }
  /// The validity bitmap, or null when all rows are present (float and category columns: always null).
  /// Row i is bit i + valid_bit_offset().
  const std::uint8_t* valid_bits() const { return valid_; }
  std::size_t valid_bit_offset() const { return bit_offset_; }
  const std::int64_t* text_offsets() const { return offsets_; }
  const char* text_bytes() const { return static_cast<const char*>(values_); }
  /// Keeps the buffers alive; for exporters.
  const std::shared_ptr<const void>& owner() const { return owner_; }

  /// Row as a number: bool 0/1, category code, nanoseconds as they are; NaN where missing. Not for text and
  /// sparse.
  double number(std::size_t row) const;
  /// All rows as numbers into out (size() long): the fast form of number().
  void copy_numbers(std::span<double> out) const;
  void copy_numbers(std::span<float> out) const;
  /// Row as the text a CSV file would hold; "" where missing. Dates are ISO 8601; floats round-trip.
  std::string cell_text(std::size_t row) const;

  /// Rows [offset, offset + n), sharing the buffers.
  Column slice(std::size_t offset, std::size_t n) const;
  /// The given rows in the given order, copied.
  Column take(std::span<const std::uint32_t> rows) const;
  /// Bytes that this column keeps alive for its rows.
  std::size_t n_bytes() const;

 private:
  ColumnType type_ = ColumnType::kFloat64;
  std::size_t n_rows_ = 0;
  const void* values_ = nullptr;           // first row of this slice; text bytes (not sliced) for kText
  const std::int64_t* offsets_ = nullptr;  // kText, kSparse: first row of this slice
  const std::int32_t* indices_ = nullptr;  // kSparse
  std::int32_t width_ = 0;                 // kSparse
  const std::uint8_t* valid_ = nullptr;    // null: all present
  std::size_t bit_offset_ = 0;
  std::shared_ptr<const void> owner_;
  std::shared_ptr<const Dictionary> dictionary_;
};

/// One column of the rows of all parts, in order. Types and dictionaries of the parts must agree.
Column concatenate(std::span<const Column> parts);

}  // namespace kolosal::data
