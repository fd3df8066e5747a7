#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <vector>

#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {

/// What an encoder does with cells that are no level of the fitted rows. A step offers the words that make
/// sense for it, as its parameters handle_unknown (a level that no fitted row has) and handle_missing:
///
///   value:    what the step gives where it knows nothing (its documentation says what);
///   level:    a missing cell is a level like all others;
///   missing:  an unknown level is as a missing cell;   unknown: a missing cell is as an unknown level;
///   ignore:   no feature is set;                       keep: the cell stays as it is;
///   nan:      every column that the step makes of it is missing;
///   error:    the cell is refused, also where a row was not fitted.
///
/// Tables of a step are by slot (see Levels::slot()): 0 unknown, 1 missing, then the levels. A level of the
/// dictionary without a fitted row is unknown too.
class LevelRules {
 public:
  LevelRules(std::string unknown, std::string missing)
      : unknown_(std::move(unknown)), missing_(std::move(missing)) {}

  bool missing_is_level() const { return missing_ == "level"; }
  /// Whether some cells are errors.
  bool refuses() const { return unknown_ == "error" || missing_ == "error"; }
  const std::string& unknown() const { return unknown_; }
  const std::string& missing() const { return missing_; }

  /// A new fit of so many columns.
  void begin_fit(std::size_t n_columns) { known_.assign(n_columns, {}); }
  /// Fitted rows per slot of column c, which is called `name`. Moves missing cells to slot 0 where they are
  /// as unknown ones.
  /// @throws Error kData when there are missing cells and they are refused.
  void fit_counts(std::size_t c, const std::string& name, std::vector<std::int64_t>& counts);
  /// The same of `width` sums per slot: those of missing cells are added to slot 0 where they are as unknown
  /// ones.
  template <typename T>
  void fit_sums(std::size_t width, std::vector<T>& sums) const {
    for (std::size_t k = 0; k < width && missing_ == "unknown"; ++k) {
      sums[k] += sums[width + k];
      sums[width + k] = {};
    }
  }
  /// Codes to fit on: missing ones are kUnseenCode where they are as unknown ones.
  CodeView fit_codes(const Levels& levels, const data::Column& column) const;

  /// Of `width` values per slot those that a rule decides; the step has given slots 0 and 1 their own.
  /// counts: as fit_counts() left them.
  template <typename T>
  void apply(const std::vector<std::int64_t>& counts, std::size_t width, std::vector<T>& values) const {
    if (unknown_ == "nan") blank(0, width, values);
    if (missing_ == "nan") blank(1, width, values);
    if (missing_ == "unknown") copy(0, 1, width, values);
    if (unknown_ == "missing") copy(1, 0, width, values);
    for (std::size_t slot = 2; slot < counts.size(); ++slot)
      if (counts[slot] == 0) copy(0, slot, width, values);
  }

  /// For transform(). @throws Error kData naming column, row (of the rows given: a batch has its own) and
  /// level for a cell that is refused.
  void check(std::size_t c, const std::string& name, const Levels& levels, const data::Column& column) const;
  /// The same for cells that are numbered otherwise.
  void check(std::size_t c, const std::string& name, const CodeView& codes, const data::Column& column) const;

  [[noreturn]] static void refuse_missing(const std::string& name, std::size_t row, std::size_t n_rows);

  void save(artifact::Node& node) const;
  void load(const artifact::Node& node, std::size_t n_columns);

 private:
  template <typename T>
  static void copy(std::size_t from, std::size_t to, std::size_t width, std::vector<T>& values) {
    for (std::size_t k = 0; k < width; ++k) values[to * width + k] = values[from * width + k];
  }
  template <typename T>
  static void blank(std::size_t slot, std::size_t width, std::vector<T>& values) {
    if constexpr (std::floating_point<T>)  // steps that give no numbers do not offer "nan"
      for (std::size_t k = 0; k < width; ++k) values[slot * width + k] = static_cast<T>(kNaN);
  }
  std::string unknown_, missing_;
  std::vector<std::vector<std::uint8_t>> known_;  // column x slot; empty unless unknown levels are refused
};

}  // namespace kolosal::transform
