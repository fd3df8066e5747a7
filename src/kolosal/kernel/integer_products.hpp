#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// Products of matrices of whole numbers of 8 bits (the right one of 8 or 4), summed in 32 bits: exact, so the
// same on every CPU, as long as no sum leaves the range of int32. The right factor is packed once into panels
// of kIntegerColumns columns, in which four depths of a column stand together; the left one is read where it
// is.

inline constexpr std::size_t kIntegerColumns = 16;

/// Depths are filled up to fours.
constexpr std::size_t padded_depth(std::size_t depth) { return (depth + 3) / 4 * 4; }
/// Columns are filled up to panels.
constexpr std::size_t padded_columns(std::size_t n_columns) {
  return (n_columns + kIntegerColumns - 1) / kIntegerColumns * kIntegerColumns;
}
/// Bytes that pack_int8_panels() and pack_int4_panels() write.
constexpr std::size_t int8_panels_size(std::size_t depth, std::size_t n_columns) {
  return padded_depth(depth) * padded_columns(n_columns);
}
constexpr std::size_t int4_panels_size(std::size_t depth, std::size_t n_columns) {
  return int8_panels_size(depth, n_columns) / 2;
}

/// Packs the matrix b[k * n_columns + j]; what is filled up is 0.
void pack_int8_panels(const std::int8_t* b, std::size_t depth, std::size_t n_columns, std::int8_t* out);
/// The same of numbers from -8 to 7, two to a byte.
void pack_int4_panels(const std::int8_t* b, std::size_t depth, std::size_t n_columns, std::uint8_t* out);

/// sums[i * padded_columns(n_columns) + j] = sum over k < depth of a[i * a_stride + k] * b(k, j), also for
/// the columns that are filled up. a has padded_depth(depth) numbers to a row, 0 behind the depth. Fours of
/// which all are 0 cost little.
void int8_products(const std::int8_t* a, std::size_t a_stride, std::size_t n_rows, const std::int8_t* panels,
                   std::size_t depth, std::size_t n_columns, std::int32_t* sums);
void int4_products(const std::int8_t* a, std::size_t a_stride, std::size_t n_rows, const std::uint8_t* panels,
                   std::size_t depth, std::size_t n_columns, std::int32_t* sums);

/// The largest |x[k]|; NaN does not count.
float largest_magnitude(const float* x, std::size_t n);
/// out[k] = x[k] * inverse_step to the nearest whole number (halves to the even one), cut to [-127, 127]; NaN
/// is -127.
void quantize_row(const float* x, std::size_t n, float inverse_step, std::int8_t* out);

/// out[j] += (float)sums[j] * (row_step * column_step[j])
void add_scaled_sums(const std::int32_t* sums, float row_step, const float* column_step, std::size_t n,
                     float* out);

/// Whether sums are made by the instructions for that (AVX-512 VNNI).
bool has_integer_dot_products();

}  // namespace kolosal::kernel
