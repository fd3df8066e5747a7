#include "kolosal/transform/level_rules_internal.hpp"

namespace kolosal::transform {
void LevelRules::fit_counts(std::size_t c, const std::string& name, std::vector<std::int64_t>& counts) {
  if (missing_ == "error" && counts[1] > 0)
    throw Error(
        ErrorCode::kData,
        "column \"{}\" has missing cells in {} of the training rows, and handle_missing is \"error\"; "
        "fill them first, or choose another handle_missing",
        name, counts[1]);
  fit_sums(1, counts);
  if (unknown_ != "error") return;
  known_[c].assign(counts.size(), 0);
  for (std::size_t slot = 2; slot < counts.size(); ++slot) known_[c][slot] = counts[slot] > 0 ? 1 : 0;
}

CodeView LevelRules::fit_codes(const Levels& levels, const data::Column& column) const {
  if (missing_ != "unknown") return levels.codes(column);
  const CodeView given = levels.codes(column);
  std::vector<std::int32_t> out(given.size());
  for (std::size_t row = 0; row < out.size(); ++row)
    out[row] = given[row] == data::kMissingCode ? data::kUnseenCode : given[row];
  return CodeView(std::move(out));
}

void LevelRules::check(std::size_t c, const std::string& name, const Levels& levels,
                       const data::Column& column) const {
  if (refuses()) check(c, name, levels.codes(column), column);
}

void LevelRules::check(std::size_t c, const std::string& name, const CodeView& codes,
                       const data::Column& column) const {
  if (!refuses()) return;
  for (std::size_t row = 0; row < codes.size(); ++row) {
    const std::size_t slot = Levels::slot(codes[row]);
    if (codes[row] == data::kMissingCode) {
      if (missing_ == "error") refuse_missing(name, row, codes.size());
      continue;
    }
    if (unknown_ != "error" || (slot < known_[c].size() && known_[c][slot] != 0)) continue;
    // A table that was read for this recipe has lost the texts of other levels.
    const std::string level = column.is_missing(row) ? "" : fmt::format(": \"{}\"", column.cell_text(row));
    throw Error(ErrorCode::kData,
                "column \"{}\" has a level in row {} of {} that the training rows did not have, and "
                "handle_unknown is \"error\"{}",
                name, row, codes.size(), level);
  }
}

void LevelRules::refuse_missing(const std::string& name, std::size_t row, std::size_t n_rows) {
  throw Error(
      ErrorCode::kData,
      "column \"{}\" has a missing cell in row {} of {}, and handle_missing is \"error\"; fill it first, or "
      "choose another handle_missing",
      name, row, n_rows);
}

void LevelRules::save(artifact::Node& node) const {
  if (unknown_ != "error") return;
  for (std::size_t c = 0; c < known_.size(); ++c) node.set_array(fmt::format("known_{}", c), known_[c]);
}

void LevelRules::load(const artifact::Node& node, std::size_t n_columns) {
  begin_fit(n_columns);
  if (unknown_ != "error") return;
  for (std::size_t c = 0; c < n_columns; ++c)
    known_[c] = node.get_vector<std::uint8_t>(fmt::format("known_{}", c));
}

}  // namespace kolosal::transform
