#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kolosal/profile/profile.hpp"

namespace kolosal::profile {

/// The drawn cells of a column: numbers, or codes of levels.
struct SampledCells {
  bool is_number = false;
  std::vector<double> values;       ///< NaN: missing or infinite.
  std::vector<std::int32_t> codes;  ///< -1: missing.
  std::vector<std::string>
      levels;  ///< By code, most frequent first; the last is "(other)" when some were pooled.
  std::size_t n_missing = 0;

  std::size_t size() const { return is_number ? values.size() : codes.size(); }
};

/// Numbers and times are numbers; booleans, categories and texts are levels, all but the max_levels - 1 most
/// frequent of which are pooled.
SampledCells sample_cells(const data::Column& column, std::span<const std::uint32_t> rows,
                          std::size_t max_levels);

/// The drawn targets. Rows without one are not drawn.
struct SampledTarget {
  data::Task task = data::Task::kRegression;
  std::size_t n_classes = 0;
  std::vector<double> values;        ///< Number, or class.
  std::vector<std::uint8_t> tenths;  ///< Regression: which of 10 parts of equal count it is in.
};

/// The rows of the present numbers, ascending; equal ones by row.
std::vector<std::uint32_t> rows_by_value(const std::vector<double>& values);

/// What the cells tell about the target. keep_bins: fill `bins`.
TargetRelation relate_to_target(const SampledCells& cells, const SampledTarget& target, bool keep_bins);

/// Every pair of these columns. Cells of all have the same rows.
std::vector<Association> associate(std::span<const SampledCells> cells, std::span<const std::size_t> columns,
                                   const Context& context);

}  // namespace kolosal::profile
