#include "kolosal/transform/row_sample_internal.hpp"

#include "kolosal/core/row_sample.hpp"

namespace kolosal::transform {

std::vector<std::uint32_t> sample_rows(std::span<const std::uint32_t> rows, std::size_t wanted,
                                       std::uint64_t seed, std::string_view name) {
  if (wanted == 0 || rows.size() <= wanted) return {rows.begin(), rows.end()};
  Rng rng(derive_seed(seed, {name}));
  auto out = draw_rows(rows.size(), wanted, rng);
  for (std::uint32_t& row : out) row = rows[row];
  return out;
}

}  // namespace kolosal::transform
