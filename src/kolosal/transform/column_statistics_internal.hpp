#pragma once

#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "kolosal/transform/cell_source_internal.hpp"

namespace kolosal::transform {

// Statistics of the finite cells of many number columns at once, in parallel over columns and blocks of rows.
// The blocks are fixed, so the results are the same bytes for any number of threads.

/// Count, mean and squared distances of finite cells, and their range; any two parts can be added (Chan,
/// Golub and LeVeque 1979). long double holds the squares of 1e308 and of 1e-310.
struct Moments {
  std::size_t count = 0;
  long double mean = 0;
  long double m2 = 0;  ///< Sum of squared distances to the mean.
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(const Moments& other);
  /// Adds the finite cells of a block of at most kRowGrain.
  void add_block(const double* cells, std::size_t n);
  /// The same with every sum in long double, slower: keeps digits of cells that differ little, far from zero.
  void add_block_precisely(const double* cells, std::size_t n);
  /// Divided by n; 0 for no cells. In long double, since it may exceed what a double holds.
  long double variance() const { return count == 0 ? 0 : m2 / static_cast<long double>(count); }
  /// Whether cells are all equal or differ by no more than the rounding of their mean.
  bool is_constant() const;
};
std::vector<Moments> moments_of(std::span<const CellSource> x, std::span<const std::uint32_t> rows,
                                const Context& context);

struct Quantiles {
  std::size_t count = 0;       ///< Of finite cells.
  std::vector<double> values;  ///< One per wanted share; 0 when count is 0.
};
/// Exact quantiles, linear between the two nearest cells as NumPy's default.
/// Cost: one pass and a selection among a few cells in a hundred. A sample says between which two cells each
/// quantile must lie; only those between are gathered (Floyd and Rivest 1975). When the sample was wrong, one
/// more pass.
std::vector<Quantiles> quantiles_of(std::span<const CellSource> x, std::span<const std::uint32_t> rows,
                                    std::span<const double> shares, const Context& context);

/// Calls body with the finite cells of all rows, at most kRowGrain at a time.
void for_each_finite_block(const CellSource& x, const std::function<void(std::span<const double>)>& body);

/// The finite cells of some rows.
std::vector<double> finite_cells(const CellSource& x, std::span<const std::uint32_t> rows);

}  // namespace kolosal::transform
