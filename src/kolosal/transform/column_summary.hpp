#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::transform {

/// What decides how a column is prepared.
struct ColumnSummary {
  std::string name;
  data::ColumnType type = data::ColumnType::kFloat64;
  std::size_t n_rows = 0;
  std::size_t n_missing = 0;   ///< Missing cells, and infinite ones.
  std::size_t n_distinct = 0;  ///< Categories: levels with rows. Numbers: of the sampled cells.
  std::size_t n_rare = 0;      ///< Categories: levels with fewer than 5 rows.
  double skewness = 0;         ///< Of the sampled finite cells; 0 for other types.

  double missing_share() const {
    return n_rows ? static_cast<double>(n_missing) / static_cast<double>(n_rows) : 0;
  }
};

/// One per column. Numbers are looked at in up to 50,000 of the rows, evenly spaced.
std::vector<ColumnSummary> summarize(const data::Frame& x, std::span<const std::uint32_t> rows,
                                     const Context& context);

}  // namespace kolosal::transform
