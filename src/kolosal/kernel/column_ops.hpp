#pragma once

#include <cstddef>
#include <limits>

namespace kolosal::kernel {

// Loops over a block of cells of one number column, a few thousand at most. "Finite" cells are those that are
// neither NaN (missing) nor infinite. Sums are made in 16 lanes, so they are the same bytes on every CPU.

struct BlockMoments {
  double count = 0;  ///< Of finite cells, as all that follows.
  double mean = 0;
  double m2 = 0;  ///< Sum of squared distances to the mean. Infinite or NaN when the squares overflow.
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
};
BlockMoments block_moments(const double* x, std::size_t n);

struct RangeCounts {
  std::size_t n_finite = 0;
  std::size_t n_below = 0;  ///< Finite cells under the range.
  std::size_t n_above = 0;  ///< And over it.
};
/// Cells against the range [low, high].
RangeCounts count_range(const double* x, double low, double high, std::size_t n);

/// Writes the cells within [low, high] to out (which has room for n) in their order, and returns how many.
std::size_t gather_range(const double* x, double low, double high, double* out, std::size_t n);

/// out[i] = x[i] when it is finite, else fill. x and out may be the same.
void fill_not_finite(const double* x, double fill, double* out, std::size_t n);

/// out[i] = (x[i] - centre) / scale. x and out may be the same.
void centre_divide(const double* x, double centre, double scale, double* out, std::size_t n);

struct FiniteSum {
  std::size_t count = 0;
  double sum = 0;
};
/// Of the finite cells, each cut to [-bound, bound].
FiniteSum finite_sum(const double* x, double bound, std::size_t n);

/// out[i] = (x[i] cut to [-bound, bound] - centre) / scale for a finite cell, else 0. Returns how
/// many are finite.
std::size_t centre_finite(const double* x, double bound, double centre, double scale, double* out,
                          std::size_t n);

/// x[i] is cut to [-bound, bound]; NaN stays.
void clip(double bound, double* x, std::size_t n);

}  // namespace kolosal::kernel
