#include "kolosal/cli/prediction_notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "kolosal/cli/output.hpp"

namespace kolosal::cli {

namespace {

/// A wide table has cells beyond the range of training in many columns: the worst are told, the others
/// counted.
constexpr std::size_t kMostColumns = 5;

}  // namespace

std::string plural(std::size_t n, std::string_view noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

void tell_notes(const std::vector<std::string>& notes, const data::ConformReport& conform) {
  for (const std::string& text : notes) note(text);
  for (const auto& [column, n] : conform.unseen_levels)
    note(fmt::format("column \"{}\": {} with a value not seen in training", column, plural(n, "cell")));
  for (const auto& [column, n] : conform.rounded_cells)
    note(fmt::format("column \"{}\": {} rounded; the column held whole numbers in training", column,
                     plural(n, "fraction")));
  for (const auto& [column, n] : conform.unreadable_cells)
    note(fmt::format("column \"{}\": {} could not be read as in training and count as missing", column,
                     plural(n, "cell")));
  if (!conform.extra_columns.empty())
    note(fmt::format("not used by the model: {}", fmt::join(conform.extra_columns, ", ")));
}

void tell_drift(const transform::DriftReport& drift, std::size_t n_rows, std::string_view fitted) {
  const std::string looked_at =
      drift.n_rows < n_rows ? fmt::format(" (of {} that were looked at)", drift.n_rows) : "";
  std::vector<const transform::ColumnDrift*> beyond;
  for (const auto& column : drift.columns)
    if (column.n_out_of_range > 0) beyond.push_back(&column);
  std::ranges::stable_sort(beyond, std::ranges::greater{}, &transform::ColumnDrift::n_out_of_range);
  for (std::size_t i = 0; i < std::min(beyond.size(), kMostColumns); ++i)
    note(fmt::format("column \"{}\": {} outside the range of the rows that {}{}", beyond[i]->column,
                     plural(beyond[i]->n_out_of_range, "cell"), fitted, looked_at));
  if (beyond.size() > kMostColumns)
    note(fmt::format("and {} with fewer such cells", plural(beyond.size() - kMostColumns, "other column")));
  for (const auto& column : drift.columns)
    if (column.missing_drifts())
      note(fmt::format("column \"{}\": {:.1f} % of the cells are missing, {:.1f} % of those that {}",
                       column.column, 100 * column.missing_share(), 100 * column.fitted_missing_share,
                       fitted));
}

}  // namespace kolosal::cli
