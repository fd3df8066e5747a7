#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {

/// Cells beyond it in size count as it, so that sums of products do not overflow.
inline constexpr double kLargestToSquare = 1e140;
/// A standard deviation of no more than this times the mean may be rounding of the mean alone.
inline constexpr double kLeastVariation = 1e-14;

/// Some rows of some columns as a matrix that is never built: products read it block by block.
///
/// fill(c, begin, end, out) writes column c, rows [begin, end), to out; it must be safe from many threads.
struct ColumnMatrix {
  std::size_t n_rows = 0;
  std::size_t n_columns = 0;
  std::function<void(std::size_t c, std::size_t begin, std::size_t end, double* out)> fill;
};

/// X^T X, n_columns x n_columns, row by row. Blocks and their order do not depend on the number of threads.
std::vector<double> gram_of(const ColumnMatrix& x, const Context& context);

/// X W for W of n_columns x k, row by row: k columns of n_rows.
std::vector<std::vector<double>> product_of(const ColumnMatrix& x, std::span<const double> w, std::size_t k,
                                            const Context& context);

/// X^T Y of k columns of n_rows: k vectors of n_columns.
std::vector<std::vector<double>> transposed_product_of(const ColumnMatrix& x,
                                                       const std::vector<std::vector<double>>& y,
                                                       const Context& context);

/// Numeric columns, centred and scaled: (cell - mean) / scale. What is missing or infinite counts as the
/// mean, and cells beyond 1e140 in size as 1e140, so that no product overflows.
class CentredColumns {
 public:
  /// Cells of every row of x. Means: of the given rows; scales: all 1.
  CentredColumns(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context);
  /// Means 0 and scales 1.
  explicit CentredColumns(const data::Frame& x);
  /// With the means and scales of an earlier fit.
  CentredColumns(const data::Frame& x, std::vector<double> mean, std::vector<double> scale);

  /// Scales become standard deviations (divided by n) of the given rows; 1 for a constant column.
  void standardize(std::span<const std::uint32_t> rows, const Context& context);

  std::size_t n_columns() const { return columns_.size(); }
  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& scale() const { return scale_; }
  /// The centred matrix of the given rows. This object and the rows must outlive it.
  ColumnMatrix of_rows(std::span<const std::uint32_t> rows) const;
  /// The products of the columns over the given rows, around their means, which become those of this object.
  /// One pass over a table without holes: around a first guess of the means, moved at the end.
  std::vector<double> gram_of_rows(std::span<const std::uint32_t> rows, const Context& context);
  /// Of all rows.
  ColumnMatrix all(std::size_t n_rows) const;

 private:
  void take_means(std::span<const std::uint32_t> rows, const Context& context);
  double cell(std::size_t c, std::size_t row) const;
  // Returns how many of the cells are there.
  std::size_t fill(std::size_t c, std::size_t first_row, std::size_t n, double* out) const;
  std::size_t fill_of(std::size_t c, std::span<const std::uint32_t> rows, double* out) const;

  std::vector<Numbers> columns_;
  std::vector<double> mean_, scale_;
};

}  // namespace kolosal::transform
