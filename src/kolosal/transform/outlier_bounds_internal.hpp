#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/transform/gathered_numbers_internal.hpp"

namespace kolosal::transform {

/// What counts as an outlier.
///
///   zscore:           farther than threshold (3) standard deviations from the mean
///   modified_zscore:  0.6745 |x - median| / MAD above threshold (3.5), MAD = median of |x - median|; where
///   MAD is
///                     0, |x - median| above threshold times 1.253314 times its mean (Iglewicz and Hoaglin,
///                     1993)
///   iqr:              beyond the quartiles by more than threshold (1.5) interquartile ranges
///   percentile:       below percentile threshold (1) or above 100 - threshold
///   isolation_forest: rows whose score is above threshold (0.5), or the share `contamination` of the rows
struct OutlierRule {
  std::string method = "iqr";
  double threshold = 0;      ///< 0: the method's own, above in brackets.
  double contamination = 0;  ///< isolation_forest: 0 takes the threshold.
  std::int64_t n_trees = 100;
  std::int64_t max_samples = 256;  ///< Rows per tree.

  double used_threshold() const;
  static ParamRange methods() {
    return choice({"zscore", "modified_zscore", "iqr", "percentile", "isolation_forest"});
  }
};

/// Cells of a column outside [lower, upper] are outliers; the bounds are infinite where there are none.
struct OutlierBounds {
  double lower, upper;
  double least, greatest;  ///< The most extreme fitted cells within the bounds.
};

/// Of the finite cells, ascending. Any method but isolation_forest.
OutlierBounds outlier_bounds(std::span<const double> sorted, const OutlierRule& rule);

/// The same from what a stream gathered of a column, with sketches for all but zscore.
///
/// Error: zscore is exact to rounding. The others are, up to 32,768 cells; beyond, quartiles, percentiles and
/// the median have a rank error of 0.13 %, and the MAD one of twice that (the cells within a distance are
/// those below one end less those below the other). Where more than half of all cells are equal, the mean
/// distance that stands in for the MAD is off by at most 0.13 % of the range of the column.
/// least, greatest: of the numbers that are kept, so with the same rank error; infinite without a sketch.
OutlierBounds outlier_bounds(const GatheredNumbers& gathered, std::size_t column, const OutlierRule& rule);

/// For each of the rows, 1 when it is an outlier among them: any cell outside the bounds of its column, or by
/// isolation_forest the row as a whole. Numeric columns of x count; missing and infinite cells do not.
std::vector<std::uint8_t> outlier_rows(const data::Frame& x, std::span<const std::uint32_t> rows,
                                       const OutlierRule& rule, const Context& context);

}  // namespace kolosal::transform
