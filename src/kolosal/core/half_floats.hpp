#pragma once

#include <cstdint>

namespace kolosal {

/// float32 as IEEE 754 binary16, rounded to the nearest, ties to even; beyond its range infinity; NaN stays
/// one.
std::uint16_t to_float16(float value);
float from_float16(std::uint16_t bits);

/// The same for bfloat16: the upper half of a float32.
std::uint16_t to_bfloat16(float value);
float from_bfloat16(std::uint16_t bits);

}  // namespace kolosal
