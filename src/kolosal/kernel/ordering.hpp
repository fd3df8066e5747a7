#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

/// out[i] = how many of the knots are not above x[i]; 0 for NaN. knots: ascending, padded with +inf to
/// `size` = a power of two, at least one of them padding (it is not counted, but for x[i] = +inf).
void count_not_above(const double* knots, std::size_t size, const double* x, std::uint32_t* out,
                     std::size_t n);

}  // namespace kolosal::kernel
