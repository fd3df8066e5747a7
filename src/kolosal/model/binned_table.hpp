#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::model {

/// One column cut into at most 255 bins, numbered from 1; bin 0 holds the missing cells.
struct BinnedColumn {
  bool is_category = false;
  std::vector<std::uint8_t> bin;  ///< per row
  std::uint8_t n_bins = 0;        ///< Largest bin; 0 when every cell is missing.
  // Numbers: the smallest and largest value in each bin, index 0 unused. Ascending, and apart: high[b] <
  // low[b + 1].
  std::vector<double> low, high;
  // Categories: the bin of each code; 0 for levels that the table does not hold. Frequent levels have a bin
  // of their own, the others share the last one.
  std::vector<std::uint8_t> bin_of_code;

  /// A number t with high[b] <= t < low[next]: the middle, where that is a finite number.
  double threshold(std::uint8_t b, std::uint8_t next) const;
};

/// Upper ends of the bins but the last for sorted values without NaN: one bin per value when there are few,
/// else bins of about equal counts in which a frequent value stands alone. An end is halfway to the next
/// value.
std::vector<double> bin_ends(const std::vector<double>& sorted, std::size_t max_bins);

/// All rows of a table as bytes, made once and shared by every fit of our forests.
///
/// Missing: NaN, kMissingCode and kUnseenCode are bin 0.
/// Cost:    a byte per cell, and a sort of (at most 200,000 values of) each column.
struct BinnedTable final : Prepared {
  std::size_t n_rows = 0;
  std::vector<BinnedColumn> columns;

  /// @throws Error kData for a sparse, text or time column.
  static std::shared_ptr<const BinnedTable> of(const data::Frame& x, const Context& context);
  static constexpr const char* kKey = "binned";
};

}  // namespace kolosal::model
