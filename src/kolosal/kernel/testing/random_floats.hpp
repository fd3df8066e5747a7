#pragma once

#include <cstdint>
#include <vector>

#include "kolosal/core/random.hpp"

namespace kolosal::kernel {

/// Standard normal numbers.
inline std::vector<float> random_floats(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> out(n);
  for (float& value : out) value = static_cast<float>(rng.normal());
  return out;
}

}  // namespace kolosal::kernel
