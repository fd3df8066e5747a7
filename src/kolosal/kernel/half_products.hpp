#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// Products of float32 matrices with weights that float16 (IEEE 754 binary16) holds, which are half of the
// bytes to read: a row alone reads each of them once and waits for that. Every number of a product is one
// running sum over the depth, in its order, each step a fused multiply-add (rounded once); where there are
// less than 8 columns it is 32 of them, of every 32nd depth, which are added in the end. So neither the CPU
// nor the way in which a product is cut into blocks of rows shows in the result. A CPU without such an
// instruction takes ten times as long.

/// Whether float16 holds all of x. Not NaN or infinity.
bool are_float16s(const float* x, std::size_t n);

/// Numbers that pack_half_panels() writes.
std::size_t half_panels_size(std::size_t depth, std::size_t n_columns);
/// Packs the depth x n_columns matrix b, row by row, for which are_float16s() holds.
void pack_half_panels(const float* b, std::size_t depth, std::size_t n_columns, std::uint16_t* out);

/// out (n_rows x n_columns) += a (n_rows x depth) times the packed matrix.
void add_half_products(const float* a, std::size_t n_rows, const std::uint16_t* panels, std::size_t depth,
                       std::size_t n_columns, float* out);

}  // namespace kolosal::kernel
