#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// Products of float32 matrices. The right factor is packed once into panels of kPanelColumns columns, which
// the loops then read in memory order; the left one is read where it is. Every number of a product is one
// running sum over the depth, in its order, so neither the CPU nor the way in which a product is cut into
// blocks of rows shows in the result.

inline constexpr std::size_t kPanelColumns = 16;

/// Floats that pack_panels() writes.
constexpr std::size_t panels_size(std::size_t depth, std::size_t n_columns) {
  return (n_columns + kPanelColumns - 1) / kPanelColumns * kPanelColumns * depth;
}

/// Packs the depth x n_columns matrix b[k * depth_stride + j * column_stride]; the last panel is filled with
/// zeros.
void pack_panels(const float* b, std::size_t depth_stride, std::size_t column_stride, std::size_t depth,
                 std::size_t n_columns, float* out);

/// A left factor: the number in row i at depth k is values[i * row_stride + k * depth_stride].
struct LeftFactor {
  const float* values;
  std::size_t row_stride;
  std::size_t depth_stride;
};

/// out[i * out_stride + j] += sum over k < depth of a(i, k) * b(k, j), b being packed.
void add_products(LeftFactor a, std::size_t n_rows, const float* panels, std::size_t depth,
                  std::size_t n_columns, float* out, std::size_t out_stride);

/// The same sums for one row, of which only the n numbers at the depths `at` are given: values[i] at at[i],
/// rising. What is left out must be 0, and b finite; then the numbers are those of add_products().
void add_row_products(const float* values, const std::uint32_t* at, std::size_t n, const float* panels,
                      std::size_t depth, std::size_t n_columns, float* out);

}  // namespace kolosal::kernel
