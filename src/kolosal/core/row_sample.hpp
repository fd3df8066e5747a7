#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kolosal/core/random.hpp"

namespace kolosal {

/// `wanted` of the numbers 0 .. n - 1, each as likely as any other, ascending; all of them when wanted is not
/// less than n. Selection sampling (Knuth, volume 2, algorithm 3.4.2 S).
std::vector<std::uint32_t> draw_rows(std::size_t n, std::size_t wanted, Rng& rng);

}  // namespace kolosal
