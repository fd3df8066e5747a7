#pragma once

#include <cstddef>

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

/// The same for one row: out[j] += sum over k < depth of values[k] * b(k, j). The same numbers.
void add_products_of_row(const float* values, const float* panels, std::size_t depth, std::size_t n_columns,
                         float* out);

/// out[j] += sum over i < n of factors[i] * rows[i][j], for j < width: a row of a matrix of which few numbers
/// are not 0, by the rows of a matrix that lies row by row. Running sums, in the order of i.
void add_scaled_rows(const float* const* rows, const float* factors, std::size_t n, std::size_t width,
                     float* out);

}  // namespace kolosal::kernel
