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

}  // namespace kolosal::cli
