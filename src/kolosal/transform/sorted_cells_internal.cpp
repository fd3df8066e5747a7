#include "kolosal/transform/sorted_cells_internal.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "kolosal/kernel/ordering.hpp"
#include "kolosal/kernel/radix_sort.hpp"
#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {
namespace {

void sort_numbers(std::vector<double>& cells) {
  kernel::radix_sort(cells, [](double cell) { return kernel::sort_key(cell); });
}

}  // namespace

std::vector<double> sorted_cells(const data::Column& column, std::span<const std::uint32_t> rows) {
  std::vector<double> out = finite_cells(Numbers(column), rows);
  sort_numbers(out);
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

namespace {

constexpr std::size_t kIntervals = 1024;

// Numbers that cut the cells into kIntervals parts of about the same size, ascending.
Knots dividers_of(std::span<const double> cells) {
  std::vector<double> sample(kIntervals * 8);
  for (std::size_t i = 0; i < sample.size(); ++i) sample[i] = cells[i * cells.size() / sample.size()];
  sort_numbers(sample);
  std::vector<double> dividers(kIntervals - 1);
  for (std::size_t i = 0; i < dividers.size(); ++i) dividers[i] = sample[(i + 1) * 8];
  return Knots(std::move(dividers));
}

// Cells by interval, and where the intervals begin (and the last one ends).
struct Dealt {
  std::vector<double> cells;
  std::vector<std::size_t> begin;
};

Dealt deal(std::span<const double> cells) {
  std::vector<std::uint32_t> interval(cells.size());
  dividers_of(cells).count_not_above(cells, interval.data());
  Dealt out{std::vector<double>(cells.size()), std::vector<std::size_t>(kIntervals + 1)};
  for (const std::uint32_t k : interval) ++out.begin[k + 1];
  for (std::size_t k = 0; k < kIntervals; ++k) out.begin[k + 1] += out.begin[k];
  std::vector<std::size_t> next(out.begin.begin(), out.begin.end() - 1);
  for (std::size_t i = 0; i < cells.size(); ++i) out.cells[next[interval[i]]++] = cells[i];
  return out;
}

}  // namespace

std::vector<double> even_quantiles(std::vector<double> cells, std::size_t n) {
  std::vector<double> out(n);
  const auto share_of = [&](std::size_t i) {
    return n == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(n - 1);
  };
  if (cells.size() < 16 * kIntervals || n > cells.size() / 16) {
    sort_numbers(cells);
    for (std::size_t i = 0; i < n; ++i) out[i] = quantile_of_sorted(cells, share_of(i));
    return out;
  }
  Dealt dealt = deal(cells);
  std::size_t selected = 0;  // cells before it are in their places as far as they are wanted
  std::size_t k = 0;
  const auto cell_at = [&](std::size_t place) {  // called with ascending places
    if (place >= selected) {
      while (dealt.begin[k + 1] <= place) ++k;
      const auto first = dealt.cells.begin();
      std::nth_element(first + static_cast<std::ptrdiff_t>(std::max(selected, dealt.begin[k])),
                       first + static_cast<std::ptrdiff_t>(place),
                       first + static_cast<std::ptrdiff_t>(dealt.begin[k + 1]));
      selected = place + 1;
    }
    return dealt.cells[place];
  };
  for (std::size_t i = 0; i < n; ++i) {
    const double position = share_of(i) * static_cast<double>(cells.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const double share = position - static_cast<double>(below), low = cell_at(below);
    out[i] = share == 0 || below + 1 >= cells.size() ? low : low * (1 - share) + cell_at(below + 1) * share;
  }
  return out;
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
