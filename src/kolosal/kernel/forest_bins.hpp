#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

/// The bin of a missing value. The other bins are 0 .. kMostCuts.
inline constexpr std::uint16_t kMissingBin = 65535;
inline constexpr std::size_t kMostCuts = 65534;

/// Which values have no bin of their own.
enum class MissingRule : std::uint8_t {
  kNan,        ///< NaN is missing.
  kNanOrZero,  ///< NaN and |value| <= 1e-35 (float32) are missing.
  kNanIsZero,  ///< Nothing is missing; NaN is read as 0.
};

/// The sorted cuts of one column, and how to find the place of a value among them: the bin of a value is the
/// number of cuts c for which `value <= c` is false. A cut of NaN (it comes first) is below every value.
///
/// The range is divided into cells; in a cell lie fewer than 2^n_steps cuts, which a binary search compares.
/// The cell is a function of the value that never falls, so what it leaves out needs no comparison.
template <typename T>
struct CutTable {
  const T* cuts = nullptr;               ///< n_cuts, then 2^n_steps times +infinity
  const std::uint16_t* first = nullptr;  ///< last_cell + 1: the number of cuts in the cells before
  T low = 0;
  T scale = 0;
  std::int32_t last_cell = 0;
  unsigned n_steps = 0;
  /// Cells by the leading bits of the number instead of its size: for cuts over many orders of magnitude.
  bool by_bits = false;
  std::int64_t low_bits = 0;
  unsigned shift = 0;
  MissingRule rule = MissingRule::kNan;
};

/// Numbers as integers of the same order, halved so that differences fit; -0 is 0, NaN is anything.
inline __attribute__((always_inline)) std::int32_t ordered_bits(float value) {
  const auto bits = std::bit_cast<std::int32_t>(value + 0.0F);
  return (bits ^ ((bits >> 31) & 0x7fffffff)) >> 1;
}
inline __attribute__((always_inline)) std::int64_t ordered_bits(double value) {
  const auto bits = std::bit_cast<std::int64_t>(value + 0.0);
  return (bits ^ ((bits >> 63) & 0x7fffffffffffffff)) >> 1;
}

/// The cell of a value; what fills a table must take it from here too.
template <typename T>
inline __attribute__((always_inline)) std::int32_t cell_of(const CutTable<T>& table, T value) {
  if (table.by_bits) {
    using Key = decltype(ordered_bits(value));
    const Key cell = (ordered_bits(value) - static_cast<Key>(table.low_bits)) >> table.shift;
    const auto last = static_cast<Key>(table.last_cell);
    return static_cast<std::int32_t>(cell < 0 ? 0 : cell > last ? last : cell);
  }
  const T place = (value - table.low) * table.scale;
  const T from_0 = place > 0 ? place : 0;  // NaN too
  const auto last = static_cast<T>(table.last_cell);
  return static_cast<std::int32_t>(from_0 < last ? from_0 : last);
}

/// How many values a call may have.
inline constexpr std::size_t kMostBinned = 256;

/// bins[i] of values[i], i < n <= kMostBinned.
void find_bins(const CutTable<float>& table, const float* values, std::size_t n, std::uint16_t* bins);
void find_bins(const CutTable<double>& table, const double* values, std::size_t n, std::uint16_t* bins);

/// How many columns are copied out of rows at once: their stores have a cache line each.
inline constexpr std::size_t kCopiedColumns = 8;
/// out[k * kMostBinned + i] = rows[i * stride + columns[k]], i < n, k < kCopiedColumns.
void copy_columns(const float* rows, std::size_t stride, std::size_t n, const std::uint32_t* columns,
                  float* out);
void copy_columns(const double* rows, std::size_t stride, std::size_t n, const std::uint32_t* columns,
                  double* out);

/// The same for one row: bins[i] of values[columns[i]] by tables[i]. A table without cuts gives nothing.
void find_row_bins(const CutTable<float>* tables, const std::uint32_t* columns, std::size_t n,
                   const float* values, std::uint16_t* bins);
void find_row_bins(const CutTable<double>* tables, const std::uint32_t* columns, std::size_t n,
                   const double* values, std::uint16_t* bins);

/// Bins of a range of 255 cuts, in bytes for comparisons with sign: 128 less than the number of cuts first ..
/// first + 254 that the value is above. Missing: below all, or above all.
void narrow_bins(const std::uint16_t* bins, std::size_t n, std::uint16_t first, bool missing_is_low,
                 std::int8_t* out);

}  // namespace kolosal::kernel
