#include "kolosal/kernel/forest_bins.hpp"

#include <algorithm>
#include <utility>

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {
namespace {

// LightGBM compares with this float constant (kZeroThreshold).
constexpr double kZeroLimit = static_cast<double>(1e-35F);

template <unsigned kSteps, typename T>
KOLOSAL_KERNEL_INLINE void search(const CutTable<T>& table, const T* values, const std::int32_t* cells,
                                  std::size_t n, std::uint16_t* bins) {
  for (std::size_t i = 0; i < n; ++i) {
    const T value = values[i];
    std::size_t bin = table.first[cells[i]];
    const auto compare = [&](unsigned step) {
      const std::size_t half = std::size_t{1} << step;
      bin += static_cast<std::size_t>(!(value <= table.cuts[bin + half - 1])) << step;
    };
    if constexpr (kSteps == 0) {
      for (unsigned step = table.n_steps; step-- > 0;) compare(step);
    } else {
      const auto unrolled = [&]<unsigned... kDone>(std::integer_sequence<unsigned, kDone...>) {
        (compare(kSteps - 1 - kDone), ...);
      };
      unrolled(std::make_integer_sequence<unsigned, kSteps>());
    }
    bins[i] = value != value ? kMissingBin : static_cast<std::uint16_t>(bin);
  }
}

template <typename T>
KOLOSAL_KERNEL_INLINE T by_rule(MissingRule rule, T value) {
  if (rule == MissingRule::kNanIsZero) return value != value ? T{0} : value;
  if (rule == MissingRule::kNan) return value;
  const auto size = static_cast<double>(value);
  return size <= kZeroLimit && size >= -kZeroLimit ? static_cast<T>(__builtin_nan("")) : value;
}

template <typename T>
KOLOSAL_KERNEL_INLINE void find_row(const CutTable<T>* tables, const std::uint32_t* columns, std::size_t n,
                                    const T* values, std::uint16_t* bins) {
  for (std::size_t i = 0; i < n; ++i) {
    const CutTable<T>& table = tables[i];
    if (table.cuts == nullptr) continue;
    const T value = by_rule(table.rule, values[columns[i]]);
    std::size_t bin = table.first[cell_of(table, value)];
    for (unsigned step = table.n_steps; step-- > 0;) {
      const std::size_t half = std::size_t{1} << step;
      bin += static_cast<std::size_t>(!(value <= table.cuts[bin + half - 1])) << step;
    }
    bins[i] = value != value ? kMissingBin : static_cast<std::uint16_t>(bin);
  }
}

template <typename T>
KOLOSAL_KERNEL_INLINE void find(const CutTable<T>& table, const T* values, std::size_t n,
                                std::uint16_t* bins) {
  T row[kMostBinned];
  std::int32_t cells[kMostBinned];
  // Each loop has its rule as a constant, to become vectors.
  switch (table.rule) {
    case MissingRule::kNan:
      for (std::size_t i = 0; i < n; ++i) row[i] = values[i];
      break;
    case MissingRule::kNanOrZero:
      for (std::size_t i = 0; i < n; ++i) row[i] = by_rule(MissingRule::kNanOrZero, values[i]);
      break;
    case MissingRule::kNanIsZero:
      for (std::size_t i = 0; i < n; ++i) row[i] = by_rule(MissingRule::kNanIsZero, values[i]);
      break;
  }
  if (table.by_bits) {
    CutTable<T> as = table;
    as.by_bits = true;
    for (std::size_t i = 0; i < n; ++i) cells[i] = cell_of(as, row[i]);
  } else {
    CutTable<T> as = table;
    as.by_bits = false;
    for (std::size_t i = 0; i < n; ++i) cells[i] = cell_of(as, row[i]);
  }
  switch (table.n_steps) {
    case 1:
      search<1>(table, row, cells, n, bins);
      break;
    case 2:
      search<2>(table, row, cells, n, bins);
      break;
    case 3:
      search<3>(table, row, cells, n, bins);
      break;
    case 4:
      search<4>(table, row, cells, n, bins);
      break;
    default:
      search<0>(table, row, cells, n, bins);
  }
}

// Row by row: each cache line of the rows is read once for eight columns.
template <typename T>
void copy(const T* rows, std::size_t stride, std::size_t n, const std::uint32_t* columns, T* out) {
  std::size_t at[kCopiedColumns];
  for (std::size_t k = 0; k < kCopiedColumns; ++k) at[k] = columns[k];
  for (std::size_t i = 0; i < n; ++i) {
    const T* const row = rows + i * stride;
#pragma GCC unroll 8
    for (std::size_t k = 0; k < kCopiedColumns; ++k) out[k * kMostBinned + i] = row[at[k]];
  }
}

}  // namespace

KOLOSAL_KERNEL_OVERLOAD(find_bins_float, void, find_bins,
                        (const CutTable<float>& table, const float* values, std::size_t n,
                         std::uint16_t* bins),
                        (table, values, n, bins)) {
  find(table, values, n, bins);
}

KOLOSAL_KERNEL_OVERLOAD(find_bins_double, void, find_bins,
                        (const CutTable<double>& table, const double* values, std::size_t n,
                         std::uint16_t* bins),
                        (table, values, n, bins)) {
  find(table, values, n, bins);
}

void copy_columns(const float* rows, std::size_t stride, std::size_t n, const std::uint32_t* columns,
                  float* out) {
  copy(rows, stride, n, columns, out);
}

void copy_columns(const double* rows, std::size_t stride, std::size_t n, const std::uint32_t* columns,
                  double* out) {
  copy(rows, stride, n, columns, out);
}

KOLOSAL_KERNEL_OVERLOAD(find_row_bins_float, void, find_row_bins,
                        (const CutTable<float>* tables, const std::uint32_t* columns, std::size_t n,
                         const float* values, std::uint16_t* bins),
                        (tables, columns, n, values, bins)) {
  find_row(tables, columns, n, values, bins);
}

KOLOSAL_KERNEL_OVERLOAD(find_row_bins_double, void, find_row_bins,
                        (const CutTable<double>* tables, const std::uint32_t* columns, std::size_t n,
                         const double* values, std::uint16_t* bins),
                        (tables, columns, n, values, bins)) {
  find_row(tables, columns, n, values, bins);
}

KOLOSAL_KERNEL(void, narrow_bins,
               (const std::uint16_t* bins, std::size_t n, std::uint16_t first, bool missing_is_low,
                std::int8_t* out),
               (bins, n, first, missing_is_low, out)) {
  const auto missing = static_cast<std::uint16_t>(missing_is_low ? 0 : 255);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint16_t bin = bins[i];
    const auto above = static_cast<std::uint16_t>(bin > first ? bin - first : 0);
    const auto byte = std::min<std::uint16_t>(above, 255);
    out[i] = static_cast<std::int8_t>((bin == kMissingBin ? missing : byte) - 128);
  }
}

}  // namespace kolosal::kernel
