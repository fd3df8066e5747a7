#pragma once

#include <cstddef>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/transform/matrix_internal.hpp"

namespace kolosal::transform {

/// Means and products of every two columns, gathered in one pass; two parts can be added (Chan, Golub and
/// LeVeque 1979, for pairs of columns).
///
/// A missing cell counts as the mean of its column, which is known at the end alone. So beside the sums of
/// products around a centre near the mean, those of cells by the presence of others are kept, and centres are
/// moved when they are known better.
///
/// Missing: NaN and infinities; cells beyond 1e140 in size count as 1e140, so that no product overflows.
/// Cost:    24 bytes and at most four products a row for each pair of columns.
class CrossMoments {
 public:
  CrossMoments() = default;
  explicit CrossMoments(std::size_t n_columns);

  /// All rows of x, of n_columns() columns.
  void add(const ColumnMatrix& x, const Context& context);
  void merge(const CrossMoments& other);

  std::size_t n_columns() const { return centre_.size(); }
  std::size_t n_rows() const { return n_rows_; }
  /// Of the cells that are there; 0 for none.
  std::vector<double> mean() const;
  /// Sums over all rows of the products of (cell - mean), n_columns x n_columns.
  std::vector<double> gram() const;

 private:
  std::size_t at(std::size_t i, std::size_t j) const { return i * centre_.size() + j; }
  double count(std::size_t c) const { return both_[at(c, c)]; }
  double offset(std::size_t c) const { return count(c) > 0 ? sums_[at(c, c)] / count(c) : 0; }
  void move_centres(const std::vector<double>& by);

  std::size_t n_rows_ = 0;
  std::vector<double> centre_;    // near the mean
  std::vector<double> products_;  // i, j: sum of u_i u_j, u = cell - centre, 0 where it is missing
  std::vector<double> sums_;      // i, j: sum of u_i over the rows that have a cell in column j
  std::vector<double> both_;      // i, j: rows with a cell in both columns
};

}  // namespace kolosal::transform
