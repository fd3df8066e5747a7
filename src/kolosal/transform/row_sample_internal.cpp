#include "kolosal/transform/row_sample_internal.hpp"

#include "kolosal/core/random.hpp"

namespace kolosal::transform {

std::vector<std::uint32_t> sample_rows(std::span<const std::uint32_t> rows, std::size_t wanted,
                                       std::uint64_t seed, std::string_view name) {
  if (wanted == 0 || rows.size() <= wanted) return {rows.begin(), rows.end()};
  std::vector<std::uint32_t> out;
  Rng rng(derive_seed(seed, {name}));
  // Selection sampling (Knuth, volume 2, algorithm 3.4.2 S).
  for (std::size_t i = 0; out.size() < wanted; ++i)
    if (rng.below(rows.size() - i) < wanted - out.size()) out.push_back(rows[i]);
  return out;
}

}  // namespace kolosal::transform
