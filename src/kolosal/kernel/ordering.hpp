#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

/// Ascending numbers among which others are looked up, and a table that says about where.
///
/// From `low` on, n_cells cells of equal length, of which the first and the last go on without end. cell_of()
/// is monotone however it rounds, so what the cells before hold is below x. One cell (per_unit 0): none is
/// skipped.
struct KnotTable {
  const double* knots = nullptr;         ///< Followed by `width` times +inf.
  const std::uint32_t* start = nullptr;  ///< By cell: how many knots the cells before it hold.
  double low = 0;
  double per_unit = 0;  ///< Cells; finite.
  std::size_t n_cells = 1;
  std::size_t width = 1;  ///< A power of two that is above the number of knots of any cell.

  std::int32_t cell_of(double x) const {
    const double last = static_cast<double>(n_cells - 1), place = (x - low) * per_unit;
    const double least = place > 0 ? place : 0;  // 0 for NaN
    return static_cast<std::int32_t>(least < last ? least : last);
  }
};

/// out[i] = how many of the knots are not above x[i]; 0 for NaN; x[i] = +inf counts the padding too.
void count_not_above(const KnotTable& table, const double* x, std::uint32_t* out, std::size_t n);

}  // namespace kolosal::kernel
