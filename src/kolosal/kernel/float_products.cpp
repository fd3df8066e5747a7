#include "kolosal/kernel/float_products.hpp"

#include <algorithm>

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {
namespace {

// 6 x 16 running sums: 12 of the 16 registers of AVX2, each added to once in 6 cycles, which is more than the
// latency of an addition. Measured on Zen 3: 88 GFLOP/s, as many as with fused multiply-adds.
constexpr std::size_t kTileRows = 6;

struct Tile {
  const float* rows[kTileRows];
  float* out[kTileRows];
};

/// kBytes: of a register. Loops are unrolled by pragma, or the compiler keeps the sums in memory.
template <std::size_t kBytes>
struct Registers {
  typedef float Vector __attribute__((vector_size(kBytes)));
  typedef float Unaligned __attribute__((vector_size(kBytes), aligned(sizeof(float)), may_alias));
  static constexpr std::size_t kLanes = kBytes / sizeof(float);
  static constexpr std::size_t kVectors = kPanelColumns / kLanes;

  KOLOSAL_KERNEL_INLINE static void add_tile(const Tile& tile, std::size_t depth_stride, const float* panel,
                                             std::size_t depth) {
    Vector sum[kTileRows][kVectors];
#pragma GCC unroll 6
    for (std::size_t i = 0; i < kTileRows; ++i)
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v)
        sum[i][v] = *reinterpret_cast<const Unaligned*>(tile.out[i] + v * kLanes);
    for (std::size_t k = 0; k < depth; ++k) {
      Vector right[kVectors];
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v)
        right[v] = *reinterpret_cast<const Unaligned*>(panel + k * kPanelColumns + v * kLanes);
#pragma GCC unroll 6
      for (std::size_t i = 0; i < kTileRows; ++i) {
        const float factor = tile.rows[i][k * depth_stride];
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kVectors; ++v) sum[i][v] += factor * right[v];
      }
    }
#pragma GCC unroll 6
    for (std::size_t i = 0; i < kTileRows; ++i)
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v)
        *reinterpret_cast<Unaligned*>(tile.out[i] + v * kLanes) = sum[i][v];
  }

  /// A tile that the edge of the matrix cuts: computed whole in a corner of its own.
  KOLOSAL_KERNEL_INLINE static void add_cut_tile(Tile tile, std::size_t depth_stride, const float* panel,
                                                 std::size_t depth, std::size_t n_rows,
                                                 std::size_t n_columns) {
    float corner[kTileRows][kPanelColumns] = {};
    Tile whole = tile;
    for (std::size_t i = 0; i < kTileRows; ++i) whole.out[i] = corner[i];
    for (std::size_t i = 0; i < n_rows; ++i)
      for (std::size_t j = 0; j < n_columns; ++j) corner[i][j] = tile.out[i][j];
    add_tile(whole, depth_stride, panel, depth);
    for (std::size_t i = 0; i < n_rows; ++i)
      for (std::size_t j = 0; j < n_columns; ++j) tile.out[i][j] = corner[i][j];
  }

  KOLOSAL_KERNEL_INLINE static void add(LeftFactor a, std::size_t n_rows, const float* panels,
                                        std::size_t depth, std::size_t n_columns, float* out,
                                        std::size_t out_stride) {
    for (std::size_t j = 0; j < n_columns; j += kPanelColumns)
      for (std::size_t i = 0; i < n_rows; i += kTileRows) {
        const std::size_t rows = std::min(kTileRows, n_rows - i);
        const std::size_t columns = std::min(kPanelColumns, n_columns - j);
        Tile tile;
        for (std::size_t t = 0; t < kTileRows; ++t) {
          const std::size_t row = i + std::min(t, rows - 1);  // a cut tile repeats its last row
          tile.rows[t] = a.values + row * a.row_stride;
          tile.out[t] = out + row * out_stride + j;
        }
        if (rows == kTileRows && columns == kPanelColumns)
          add_tile(tile, a.depth_stride, panels + j * depth, depth);
        else
          add_cut_tile(tile, a.depth_stride, panels + j * depth, depth, rows, columns);
      }
  }
};

/// One row by several vectors of columns at once: each running sum waits for the addition before, so eight go
/// side by side.
template <std::size_t kBytes>
struct RowRegisters {
  using Base = Registers<kBytes>;
  using Vector = typename Base::Vector;
  using Unaligned = typename Base::Unaligned;
  static constexpr std::size_t kVectors = 8;
  static constexpr std::size_t kPanels = kVectors / Base::kVectors;

  /// kCount vectors of columns; at(i, v): where those of row i are.
  template <std::size_t kCount, typename At>
  KOLOSAL_KERNEL_INLINE static void add_vectors(const float* factors, std::size_t n, float* out, At at) {
    Vector sum[kCount];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kCount; ++v)
      sum[v] = *reinterpret_cast<const Unaligned*>(out + v * Base::kLanes);
    for (std::size_t i = 0; i < n; ++i) {
      const float factor = factors[i];
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kCount; ++v)
        sum[v] += factor * *reinterpret_cast<const Unaligned*>(at(i, v));
    }
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kCount; ++v) *reinterpret_cast<Unaligned*>(out + v * Base::kLanes) = sum[v];
  }

  template <std::size_t kCount>
  KOLOSAL_KERNEL_INLINE static void add_panels(const float* values, const float* panels, std::size_t depth,
                                               float* out) {
    add_vectors<kCount * Base::kVectors>(values, depth, out, [=](std::size_t k, std::size_t v) {
      return panels + v / Base::kVectors * depth * kPanelColumns + k * kPanelColumns +
             v % Base::kVectors * Base::kLanes;
    });
  }

  KOLOSAL_KERNEL_INLINE static void add(const float* values, const float* panels, std::size_t depth,
                                        std::size_t n_columns, float* out) {
    constexpr std::size_t kTogether = kPanels * kPanelColumns;
    std::size_t j = 0;
    for (; j + kTogether <= n_columns; j += kTogether)
      add_panels<kPanels>(values, panels + j * depth, depth, out + j);
    for (; j + kPanelColumns <= n_columns; j += kPanelColumns)
      add_panels<1>(values, panels + j * depth, depth, out + j);
    if (j == n_columns) return;
    float corner[kPanelColumns] = {};
    std::copy(out + j, out + n_columns, corner);
    add_panels<1>(values, panels + j * depth, depth, corner);
    std::copy_n(corner, n_columns - j, out + j);
  }

  KOLOSAL_KERNEL_INLINE static void add_rows(const float* const* rows, const float* factors, std::size_t n,
                                             std::size_t width, float* out) {
    constexpr std::size_t kTogether = kVectors * Base::kLanes;
    std::size_t j = 0;
    for (; j + kTogether <= width; j += kTogether)
      add_vectors<kVectors>(factors, n, out + j,
                            [=](std::size_t i, std::size_t v) { return rows[i] + j + v * Base::kLanes; });
    for (; j + Base::kLanes <= width; j += Base::kLanes)
      add_vectors<1>(factors, n, out + j, [=](std::size_t i, std::size_t) { return rows[i] + j; });
    for (; j < width; ++j)
      for (std::size_t i = 0; i < n; ++i) out[j] += factors[i] * rows[i][j];
  }
};

// One function per length of the registers: sums that do not fit into them cost a factor of ten.
#define KOLOSAL_PRODUCTS(name, bytes)                                                       \
  KOLOSAL_KERNEL(void, name,                                                                \
                 (LeftFactor a, std::size_t n_rows, const float* panels, std::size_t depth, \
                  std::size_t n_columns, float* out, std::size_t out_stride),               \
                 (a, n_rows, panels, depth, n_columns, out, out_stride)) {                  \
    Registers<bytes>::add(a, n_rows, panels, depth, n_columns, out, out_stride);            \
  }
KOLOSAL_PRODUCTS(add_products_by_16, 16)
KOLOSAL_PRODUCTS(add_products_by_32, 32)
KOLOSAL_PRODUCTS(add_products_by_64, 64)
#undef KOLOSAL_PRODUCTS
#define KOLOSAL_ROW_PRODUCTS(name, bytes)                                                               \
  KOLOSAL_KERNEL(                                                                                       \
      void, name##_by_panels,                                                                           \
      (const float* values, const float* panels, std::size_t depth, std::size_t n_columns, float* out), \
      (values, panels, depth, n_columns, out)) {                                                        \
    RowRegisters<bytes>::add(values, panels, depth, n_columns, out);                                    \
  }                                                                                                     \
  KOLOSAL_KERNEL(                                                                                       \
      void, name##_by_rows,                                                                             \
      (const float* const* rows, const float* factors, std::size_t n, std::size_t width, float* out),   \
      (rows, factors, n, width, out)) {                                                                 \
    RowRegisters<bytes>::add_rows(rows, factors, n, width, out);                                        \
  }
KOLOSAL_ROW_PRODUCTS(add_16, 16)
KOLOSAL_ROW_PRODUCTS(add_32, 32)
KOLOSAL_ROW_PRODUCTS(add_64, 64)
#undef KOLOSAL_ROW_PRODUCTS

}  // namespace

void add_products(LeftFactor a, std::size_t n_rows, const float* panels, std::size_t depth,
                  std::size_t n_columns, float* out, std::size_t out_stride) {
  switch (cpu_level()) {
    case CpuLevel::kAvx512:
    case CpuLevel::kAvx512Vbmi:
      return add_products_by_64(a, n_rows, panels, depth, n_columns, out, out_stride);
    case CpuLevel::kAvx2:
      return add_products_by_32(a, n_rows, panels, depth, n_columns, out, out_stride);
    case CpuLevel::kBaseline:
      return add_products_by_16(a, n_rows, panels, depth, n_columns, out, out_stride);
  }
}

void add_products_of_row(const float* values, const float* panels, std::size_t depth, std::size_t n_columns,
                         float* out) {
  switch (cpu_level()) {
    case CpuLevel::kAvx512:
    case CpuLevel::kAvx512Vbmi:
      return add_64_by_panels(values, panels, depth, n_columns, out);
    case CpuLevel::kAvx2:
      return add_32_by_panels(values, panels, depth, n_columns, out);
    case CpuLevel::kBaseline:
      return add_16_by_panels(values, panels, depth, n_columns, out);
  }
}

void add_scaled_rows(const float* const* rows, const float* factors, std::size_t n, std::size_t width,
                     float* out) {
  switch (cpu_level()) {
    case CpuLevel::kAvx512:
    case CpuLevel::kAvx512Vbmi:
      return add_64_by_rows(rows, factors, n, width, out);
    case CpuLevel::kAvx2:
      return add_32_by_rows(rows, factors, n, width, out);
    case CpuLevel::kBaseline:
      return add_16_by_rows(rows, factors, n, width, out);
  }
}

void pack_panels(const float* b, std::size_t depth_stride, std::size_t column_stride, std::size_t depth,
                 std::size_t n_columns, float* out) {
  for (std::size_t j = 0; j < n_columns; j += kPanelColumns) {
    const std::size_t columns = std::min(kPanelColumns, n_columns - j);
    for (std::size_t k = 0; k < depth; ++k, out += kPanelColumns) {
      const float* from = b + k * depth_stride + j * column_stride;
      if (columns == kPanelColumns && column_stride == 1) {
        std::copy_n(from, kPanelColumns, out);
        continue;
      }
      for (std::size_t t = 0; t < columns; ++t) out[t] = from[t * column_stride];
      std::fill(out + columns, out + kPanelColumns, 0.0F);
    }
  }
}

}  // namespace kolosal::kernel
