#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/data/column.hpp"
#include "kolosal/kernel/ordering.hpp"

namespace kolosal::transform {

/// The finite cells of the given rows of a numeric column, ascending.
std::vector<double> sorted_cells(const data::Column& column, std::span<const std::uint32_t> rows);

/// Quantile q of sorted cells, linear between the two nearest as NumPy's default; 0 for no cells.
double quantile_of_sorted(std::span<const double> sorted, double q);

/// Quantiles 0, 1 / (n - 1), 2 / (n - 1) ... 1 of finite cells in any order, as quantile_of_sorted() gives
/// them (n = 1: the least cell); at least one cell. Many cells are not sorted: they are counted by the
/// intervals between some thousands of them, and the wanted ones are selected within theirs, in a tenth of
/// the time.
std::vector<double> even_quantiles(std::vector<double> cells, std::size_t n);

/// Ascending numbers among which many others are looked up.
class Knots {
 public:
  Knots() = default;
  explicit Knots(std::vector<double> knots);
  std::size_t size() const { return n_knots_; }
  double operator[](std::size_t i) const { return padded_[i]; }
  std::span<const double> values() const { return {padded_.data(), n_knots_}; }
  /// out[i] = how many knots are not above x[i]; 0 for NaN.
  void count_not_above(std::span<const double> x, std::uint32_t* out) const;

 private:
  std::vector<double> padded_;  // with +inf behind the knots
  std::vector<std::uint32_t> start_;
  kernel::KnotTable table_;  // its pointers are set at each use, so that copies have their own
  std::size_t n_knots_ = 0;
};

}  // namespace kolosal::transform
