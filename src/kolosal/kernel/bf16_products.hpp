#pragma once

#include <cstddef>
#include <cstdint>

#include "kolosal/kernel/float_products.hpp"

namespace kolosal::kernel {

// Products of float32 matrices whose numbers are rounded to bfloat16 (the nearest, ties to even), summed in
// float32: what the dot products of AVX-512 BF16 do. Where the CPU lacks them they are emulated, and every
// body but that one gives the same numbers: the sum over even depths plus that over odd ones, each a running
// sum. With the instruction the order and rounding within a pair are its own.

inline constexpr std::size_t kBf16Columns = 16;

/// Whether the CPU has the instruction, and KOLOSAL_CPU lets it be used.
bool has_bf16_dot_products();

/// Depths go in pairs.
constexpr std::size_t bf16_depth(std::size_t depth) { return (depth + 1) / 2 * 2; }
/// Numbers that pack_bf16_panels() writes.
constexpr std::size_t bf16_panels_size(std::size_t depth, std::size_t n_columns) {
  return (n_columns + kBf16Columns - 1) / kBf16Columns * kBf16Columns * bf16_depth(depth);
}

/// Rounds and packs the depth x n_columns matrix b[k * depth_stride + j * column_stride] into panels of 16
/// columns, two depths of a column side by side; what is filled up is 0.
void pack_bf16_panels(const float* b, std::size_t depth_stride, std::size_t column_stride, std::size_t depth,
                      std::size_t n_columns, std::uint16_t* out);
/// Rounds the left factor: n_rows x bf16_depth(depth), row by row.
void pack_bf16_rows(LeftFactor a, std::size_t n_rows, std::size_t depth, std::uint16_t* out);

/// out[i * out_stride + j] += sum over k < depth of a(i, k) * b(k, j), both packed.
void add_bf16_products(const std::uint16_t* rows, std::size_t n_rows, const std::uint16_t* panels,
                       std::size_t depth, std::size_t n_columns, float* out, std::size_t out_stride);

}  // namespace kolosal::kernel
