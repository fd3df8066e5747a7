#include "kolosal/cli/prediction_notes.hpp"

#include <fmt/format.h>

#include "kolosal/cli/output.hpp"

namespace kolosal::cli {

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
  for (const auto& column : drift.columns) {
    if (column.n_out_of_range > 0)
      note(fmt::format("column \"{}\": {} outside the range of the rows that {}{}", column.column,
                       plural(column.n_out_of_range, "cell"), fitted, looked_at));
    if (column.missing_drifts())
      note(fmt::format("column \"{}\": {:.1f} % of the cells are missing, {:.1f} % of those that {}",
                       column.column, 100 * column.missing_share(), 100 * column.fitted_missing_share,
                       fitted));
  }
}

}  // namespace kolosal::cli
