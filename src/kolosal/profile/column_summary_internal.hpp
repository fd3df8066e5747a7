#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "kolosal/profile/profile.hpp"

namespace kolosal::profile {

/// Up to so many rows are counted and sorted exactly; above, distinct values are estimated and what needs an
/// order comes from as many drawn cells as kSortedCells.
inline constexpr std::size_t kExactRows = 8'000'000;
inline constexpr std::size_t kSortedCells = 2'000'000;
inline constexpr std::size_t kTopLevels = 12;

/// Fills everything about one column that its cells alone tell, but kind and flags.
/// missing: as missing_bits() gives it. exact_rows: kExactRows, but for tests.
void summarize_column(const data::Column& column, const std::vector<std::uint64_t>& missing,
                      std::size_t exact_rows, ColumnProfile& out);

/// What the cells of a category or text column look like.
TextSummary summarize_text(const data::Column& column, const std::vector<std::size_t>& level_counts);

/// Whether a cell is a way of saying "no value" that readers do not know: "unknown", "tbd", "--".
bool is_placeholder_text(std::string_view text);

}  // namespace kolosal::profile
