#include "kolosal/core/row_sample.hpp"

#include <algorithm>

namespace kolosal {

std::vector<std::uint32_t> draw_rows(std::size_t n, std::size_t wanted, Rng& rng) {
  wanted = std::min(n, wanted);
  std::vector<std::uint32_t> out;
  out.reserve(wanted);
  for (std::size_t i = 0; out.size() < wanted; ++i)
    if (rng.below(n - i) < wanted - out.size()) out.push_back(static_cast<std::uint32_t>(i));
  return out;
}

}  // namespace kolosal
