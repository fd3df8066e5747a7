#include "kolosal/service/target_scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "kolosal/core/error.hpp"
#include "kolosal/data/classes.hpp"

namespace kolosal::service {
namespace {

using data::Column;
using data::ColumnType;

/// More different values than that are no classes, whatever is asked for (automl::make_problem() allows
/// 2,000).
constexpr std::size_t kMostValues = 2'001;
/// Rows that stand for a table, when it has more. Rules about the share of different values ask for three
/// rows per value at most, so they decide on these as on all rows.
constexpr std::size_t kStandInRows = 3 * kMostValues;
/// Rows of a rare value that stand for it. Fewer than 5 are worth a note.
constexpr std::size_t kRareRows = 5;

bool is_string(ColumnType type) { return type == ColumnType::kText || type == ColumnType::kCategory; }

}  // namespace

automl::Problem target_problem(const Column& column, const std::string& name, const std::string& task) {
  // Beside a column of nothing, since a problem without features is none.
  const data::Frame pair({name, name + "_"},
                         {column, Column::from_bool(std::vector<std::uint8_t>(column.size()))});
  return automl::make_problem(pair, {.target = name, .task = task});
}

std::vector<double> StreamedTarget::values(const Column& cells) const {
  std::vector<double> out(cells.size());
  if (task_ == data::Task::kRegression) {
    cells.copy_numbers(std::span<double>(out));
    return out;
  }
  const data::ClassLevels levels = data::class_levels(cells);
  std::vector<double> class_of;
  for (const std::string& name : levels.names) {
    const auto at = class_of_.find(name);
    if (at == class_of_.end())
      throw Error(ErrorCode::kData, "the table has changed while it was read: its target is now \"{}\"",
                  name);
    class_of.push_back(at->second);
  }
  for (std::size_t row = 0; row < out.size(); ++row)
    out[row] = levels.codes[row] < 0 ? std::numeric_limits<double>::quiet_NaN()
                                     : class_of[static_cast<std::size_t>(levels.codes[row])];
  return out;
}

void TargetScan::add(const Column& cells) {
  for (std::size_t row = 0; row < cells.size(); ++row) {
    n_missing_ += cells.is_missing(row) ? 1 : 0;
    if (cells.is_numeric() && std::isinf(cells.number(row)))
      throw Error(ErrorCode::kData, "target column \"{}\" is infinite in row {}; remove or correct that row",
                  name_, n_rows_ + row + 1);
  }
  n_rows_ += cells.size();
  if (number_.size() >= kMostValues) return;
  const data::ClassLevels levels = data::class_levels(cells);
  std::vector<std::uint32_t> first(levels.names.size());
  for (std::size_t row = cells.size(); row-- > 0;)
    if (levels.codes[row] >= 0)
      first[static_cast<std::size_t>(levels.codes[row])] = static_cast<std::uint32_t>(row);
  for (std::size_t k = 0; k < levels.names.size(); ++k) {
    const auto at = number_.find(levels.names[k]);
    if (at != number_.end()) {
      counts_[at->second] += levels.counts[k];
    } else if (number_.size() < kMostValues) {
      number_.emplace(levels.names[k], counts_.size());
      counts_.push_back(levels.counts[k]);
      // Categories have another dictionary in each batch; as texts they can be joined.
      cells_.push_back(is_string(cells.type())
                           ? Column::from_texts({std::optional<std::string>(levels.names[k])})
                           : cells.take({&first[k], 1}));
    }
  }
}

StreamedTarget TargetScan::decide(const std::string& task) const {
  if (n_missing_ == n_rows_)
    throw Error(ErrorCode::kData, "target column \"{}\" is missing in all {} rows", name_, n_rows_);
  std::vector<std::uint32_t> rows;
  const auto repeat = [&](std::size_t number, std::size_t n) {
    rows.insert(rows.end(), n, static_cast<std::uint32_t>(number));
  };
  for (std::size_t i = 0; i < counts_.size(); ++i) repeat(i, std::min(counts_[i], kRareRows));
  for (std::size_t i = 0; i < counts_.size() && rows.size() < kStandInRows; ++i)
    repeat(i, std::min(counts_[i] - std::min(counts_[i], kRareRows), kStandInRows - rows.size()));
  const automl::Problem problem = target_problem(data::concatenate(cells_).take(rows), name_, task);
  StreamedTarget out;
  out.task_ = problem.task;
  for (std::size_t k = 0; k < problem.classes.size(); ++k)
    out.class_of_.emplace(problem.classes[k], static_cast<std::int32_t>(k));
  return out;
}

}  // namespace kolosal::service
