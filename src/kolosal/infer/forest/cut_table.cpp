#include "kolosal/infer/forest/cut_table.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace kolosal::infer {
namespace {

template <typename T>
T largest_not_above(double value) {
  if constexpr (std::is_same_v<T, double>) return value;
  const auto rounded = static_cast<T>(value);
  if (static_cast<double>(rounded) > value)
    return std::nextafter(rounded, -std::numeric_limits<T>::infinity());
  return rounded;
}

}  // namespace

template <typename T>
CutTableStorage<T>::CutTableStorage(std::span<const double> cuts, kernel::MissingRule rule)
    : n_cuts_(cuts.size()) {
  for (const double cut : cuts) cuts_.push_back(largest_not_above<T>(cut));
  table_.rule = rule;
  choose_cells();
  const std::size_t padding = std::size_t{1} << table_.n_steps;
  cuts_.insert(cuts_.end(), padding, std::numeric_limits<T>::infinity());
}

template <typename T>
std::size_t CutTableStorage<T>::fullest_cell(const kernel::CutTable<T>& table) const {
  std::size_t most = 0;
  for (std::size_t i = 0; i < n_cuts_;) {
    const std::int32_t cell = kernel::cell_of(table, cuts_[i]);
    const std::size_t begin = i;
    while (i < n_cuts_ && kernel::cell_of(table, cuts_[i]) == cell) ++i;
    most = std::max(most, i - begin);
  }
  return most;
}

// Cells of equal width, or of equal leading bits where the cuts crowd together: what needs the fewest steps,
// with few cells, which then stay in the first cache level.
template <typename T>
void CutTableStorage<T>::choose_cells() {
  // A NaN lies in the first cell of either kind (by bits it could lie anywhere, so it stands for the lowest).
  const auto is_finite = [](T cut) { return std::isfinite(cut); };
  const auto lowest = std::find_if(cuts_.begin(), cuts_.end(), is_finite);
  const auto highest = std::find_if(cuts_.rbegin(), cuts_.rend(), is_finite);
  const bool has_range = lowest != cuts_.end();
  const bool has_nan = n_cuts_ > 0 && cuts_.front() != cuts_.front();

  kernel::CutTable<T> best = table_;
  best.last_cell = 0;
  best.n_steps = static_cast<unsigned>(std::bit_width(n_cuts_));
  const auto offer = [&](kernel::CutTable<T>& table) {
    table.n_steps = static_cast<unsigned>(std::bit_width(fullest_cell(table)));
    if (table.n_steps < best.n_steps) best = table;
  };
  for (const std::size_t per_cut : {2, 4, 8}) {
    if (!has_range || n_cuts_ < 2) break;
    const std::size_t n_cells = std::bit_ceil(per_cut * n_cuts_);
    kernel::CutTable<T> table = table_;
    table.last_cell = static_cast<std::int32_t>(n_cells - 1);
    table.low = *lowest;
    table.scale = static_cast<T>(n_cells) / (*highest - *lowest);
    if (std::isfinite(table.scale) && table.scale > 0) offer(table);
    if (has_nan) continue;
    table.by_bits = true;
    table.low_bits = kernel::ordered_bits(*lowest);
    const auto range = static_cast<std::uint64_t>(kernel::ordered_bits(*highest) - table.low_bits);
    while ((range >> table.shift) >= n_cells) ++table.shift;
    offer(table);
  }
  table_ = best;
  first_.assign(static_cast<std::size_t>(table_.last_cell) + 1, 0);
  std::size_t cell = 0;
  for (std::size_t i = 0; i < n_cuts_; ++i) {
    const auto of_cut = static_cast<std::size_t>(kernel::cell_of(table_, cuts_[i]));
    while (cell < of_cut) first_[++cell] = static_cast<std::uint16_t>(i);
  }
  while (cell + 1 < first_.size()) first_[++cell] = static_cast<std::uint16_t>(n_cuts_);
}

template <typename T>
kernel::CutTable<T> CutTableStorage<T>::view() const {
  kernel::CutTable<T> out = table_;
  if (n_cuts_ == 0) return out;
  out.cuts = cuts_.data();
  out.first = first_.data();
  return out;
}

template class CutTableStorage<float>;
template class CutTableStorage<double>;

}  // namespace kolosal::infer
