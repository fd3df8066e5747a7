#include "kolosal/transform/sorted_cells_internal.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

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

constexpr std::size_t kSampled = 8;  // cells of the sample to an interval

// Numbers that cut the cells into n_intervals parts of about the same size, ascending.
Knots dividers_of(std::span<const double> cells, std::size_t n_intervals) {
  std::vector<double> sample(n_intervals * kSampled);
  for (std::size_t i = 0; i < sample.size(); ++i) sample[i] = cells[i * cells.size() / sample.size()];
  sort_numbers(sample);
  std::vector<double> dividers(n_intervals - 1);
  for (std::size_t i = 0; i < dividers.size(); ++i) dividers[i] = sample[(i + 1) * kSampled];
  return Knots(std::move(dividers));
}

// The cells that have the given places (ascending, none twice) among all in order. The cells are counted by
// interval; those of the intervals with a place are put together, and the place is selected there.
std::vector<double> cells_at(std::span<const double> cells, std::span<const std::size_t> places,
                             std::size_t n_intervals) {
  std::vector<std::uint32_t> interval(cells.size());
  dividers_of(cells, n_intervals).count_not_above(cells, interval.data());
  std::vector<std::size_t> begin(n_intervals + 1);
  for (const std::uint32_t k : interval) ++begin[k + 1];
  for (std::size_t k = 0; k < n_intervals; ++k) begin[k + 1] += begin[k];

  // Cells of other intervals are all written to one place behind the kept ones.
  struct Next {
    std::size_t at = 0, step = 0;
  };
  std::vector<Next> next(n_intervals);
  for (std::size_t i = 0, k = 0; i < places.size(); ++i) {
    while (begin[k + 1] <= places[i]) ++k;
    next[k].step = 1;
  }
  std::size_t n_kept = 0;
  for (std::size_t k = 0; k < n_intervals; ++k)
    if (next[k].step == 1) {
      next[k].at = n_kept;
      n_kept += begin[k + 1] - begin[k];
    }
  for (Next& other : next)
    if (other.step == 0) other.at = n_kept;
  std::vector<double> kept(n_kept + 1);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    Next& to = next[interval[i]];
    kept[to.at] = cells[i];
    to.at += to.step;
  }

  std::vector<double> out;
  out.reserve(places.size());
  std::size_t selected = 0;  // in kept: those before it are in their places as far as they are wanted
  for (std::size_t i = 0, k = 0; i < places.size(); ++i) {
    while (begin[k + 1] <= places[i]) ++k;
    const std::size_t end = next[k].at, first = end - (begin[k + 1] - begin[k]);
    const std::size_t place = first + (places[i] - begin[k]);
    const auto at = [&](std::size_t j) { return kept.begin() + static_cast<std::ptrdiff_t>(j); };
    std::nth_element(at(std::max(selected, first)), at(place), at(end));
    selected = place + 1;
    out.push_back(kept[place]);
  }
  return out;
}

}  // namespace

std::vector<double> even_quantiles(std::vector<double> cells, std::size_t n) {
  std::vector<double> out(n);
  const auto share_of = [&](std::size_t i) {
    return n == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(n - 1);
  };
  constexpr std::size_t kMostIntervals = 8192, kCellsPerInterval = 64;
  const std::size_t n_intervals = std::min(kMostIntervals, std::bit_floor(cells.size() / kCellsPerInterval));
  if (n_intervals < 256 || n > cells.size() / 16) {
    sort_numbers(cells);
    for (std::size_t i = 0; i < n; ++i) out[i] = quantile_of_sorted(cells, share_of(i));
    return out;
  }
  const auto position = [&](std::size_t i) { return share_of(i) * static_cast<double>(cells.size() - 1); };
  std::vector<std::size_t> places;
  const auto want = [&](std::size_t place) {
    if (places.empty() || places.back() < place) places.push_back(place);
  };
  for (std::size_t i = 0; i < n; ++i) {
    const auto below = static_cast<std::size_t>(position(i));
    want(below);
    if (below + 1 < cells.size()) want(below + 1);
  }
  const auto found = cells_at(cells, places, n_intervals);
  std::size_t at = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto below = static_cast<std::size_t>(position(i));
    while (places[at] < below) ++at;
    const double share = position(i) - static_cast<double>(below);
    out[i] =
        share == 0 || below + 1 >= cells.size() ? found[at] : found[at] * (1 - share) + found[at + 1] * share;
  }
  return out;
}

Knots::Knots(std::vector<double> knots) : padded_(std::move(knots)), n_knots_(padded_.size()) {
  // Cells between the outermost knots but a few, since knots far out would stretch the cells.
  constexpr std::size_t kCellsPerKnot = 4, kOutermost = 256, kFewest = 32;
  if (n_knots_ >= kFewest) {
    const std::size_t skipped = n_knots_ / kOutermost;
    const double low = padded_[skipped], high = padded_[n_knots_ - 1 - skipped];
    const std::size_t n_cells = std::bit_ceil(kCellsPerKnot * n_knots_);
    const double per_unit = static_cast<double>(n_cells) / (high - low);
    if (std::isfinite(per_unit) && per_unit > 0)
      table_ = {.low = low, .per_unit = per_unit, .n_cells = n_cells};
  }
  start_.resize(table_.n_cells + 1);
  for (const double knot : padded_) ++start_[static_cast<std::size_t>(table_.cell_of(knot)) + 1];
  table_.width = std::bit_ceil(std::size_t{std::ranges::max(start_)} + 1);
  for (std::size_t cell = 0; cell < table_.n_cells; ++cell) start_[cell + 1] += start_[cell];
  padded_.resize(n_knots_ + table_.width, std::numeric_limits<double>::infinity());
}

void Knots::count_not_above(std::span<const double> x, std::uint32_t* out) const {
  if (n_knots_ == 0) {
    std::fill_n(out, x.size(), 0U);
    return;
  }
  kernel::KnotTable table = table_;
  table.knots = padded_.data();
  table.start = start_.data();
  kernel::count_not_above(table, x.data(), out, x.size());
  const auto most = static_cast<std::uint32_t>(n_knots_);
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = std::min(out[i], most);  // +inf counts the padding
}

}  // namespace kolosal::transform
