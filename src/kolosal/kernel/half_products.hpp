#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

/// Whether this CPU reads float16 about as fast as float32 (level AVX2 on).
bool reads_float16();

/// Numbers of float16 (IEEE 754 binary16) as they are; the others become the nearest one.
void to_float16s(const float* x, std::size_t n, std::uint16_t* out);
/// Whether float16 holds all of x. Not NaN or infinity.
bool are_float16s(const float* x, std::size_t n);

/// add_products_of_row() with panels of float16 (to_float16s() of those that pack_panels() writes): half of
/// the bytes, which a row that reads each weight once waits for. The same numbers as by the panels of
/// float32.
void add_products_of_row(const float* values, const std::uint16_t* panels, std::size_t depth,
                         std::size_t n_columns, float* out);

}  // namespace kolosal::kernel
