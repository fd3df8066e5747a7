#include "kolosal/transform/sorted_cells_internal.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "kolosal/kernel/ordering.hpp"
#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {

std::vector<double> sorted_cells(const data::Column& column, std::span<const std::uint32_t> rows) {
  std::vector<double> out = finite_cells(Numbers(column), rows);
  std::vector<double> scratch(out.size());
  kernel::sort(out.data(), scratch.data(), out.size());
  return out;
}

double quantile_of_sorted(std::span<const double> sorted, double q) {
  if (sorted.empty()) return 0;
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const double share = position - static_cast<double>(below);
  if (share == 0 || below + 1 >= sorted.size()) return sorted[std::min(below, sorted.size() - 1)];
  return sorted[below] * (1 - share) + sorted[below + 1] * share;  // the difference may overflow
}

Knots::Knots(std::vector<double> knots) : padded_(std::move(knots)), n_knots_(padded_.size()) {
  padded_.resize(std::bit_ceil(n_knots_ + 1), std::numeric_limits<double>::infinity());
}

void Knots::count_not_above(std::span<const double> x, std::uint32_t* out) const {
  kernel::count_not_above(padded_.data(), padded_.size(), x.data(), out, x.size());
  const auto most = static_cast<std::uint32_t>(n_knots_);
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = std::min(out[i], most);  // +inf counts the padding
}

}  // namespace kolosal::transform
