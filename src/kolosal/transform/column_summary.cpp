#include "kolosal/transform/column_summary.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/statistics_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

constexpr std::size_t kSampleRows = 50'000;
constexpr std::int64_t kRareRows = 5;

void summarize_levels(const Column& column, std::span<const std::uint32_t> rows, ColumnSummary& out) {
  const Levels levels(column.dictionary());
  const auto counts = count_slots(levels.codes(column), rows, levels.n_slots());
  for (std::size_t slot = Levels::slot(0); slot < counts.size(); ++slot) {
    out.n_distinct += counts[slot] > 0;
    out.n_rare += counts[slot] > 0 && counts[slot] < kRareRows;
  }
  out.n_missing = static_cast<std::size_t>(counts[Levels::slot(data::kMissingCode)] +
                                           counts[Levels::slot(data::kUnseenCode)]);
}

double skewness_of(const std::vector<double>& cells) {
  if (cells.size() < 3) return 0;
  const double mean = mean_of(cells);
  const auto deviation = std::sqrt(variance_of(cells, mean));
  if (!(deviation > 0)) return 0;
  long double sum = 0;
  for (const double cell : cells) {
    const long double z = (static_cast<long double>(cell) - mean) / deviation;
    sum += z * z * z;
  }
  return static_cast<double>(sum / static_cast<long double>(cells.size()));
}

void summarize_numbers(const Column& column, std::span<const std::uint32_t> rows, ColumnSummary& out) {
  const Numbers cells(column);
  for (const std::uint32_t row : rows) out.n_missing += !std::isfinite(cells[row]);
  const std::size_t step = std::max<std::size_t>(1, rows.size() / kSampleRows);
  std::vector<double> sample;
  for (std::size_t i = 0; i < rows.size(); i += step)
    if (std::isfinite(cells[rows[i]])) sample.push_back(cells[rows[i]]);
  out.skewness = skewness_of(sample);
  std::ranges::sort(sample);
  out.n_distinct = static_cast<std::size_t>(std::ranges::unique(sample).begin() - sample.begin());
}

ColumnSummary summarize(const std::string& name, const Column& column, std::span<const std::uint32_t> rows) {
  ColumnSummary out{.name = name, .type = column.type(), .n_rows = rows.size()};
  switch (column.type()) {
    case ColumnType::kCategory:
      summarize_levels(column, rows, out);
      break;
    case ColumnType::kText:
    case ColumnType::kSparse:
      for (const std::uint32_t row : rows) out.n_missing += column.is_missing(row);
      break;
    default:
      summarize_numbers(column, rows, out);
  }
  return out;
}

}  // namespace

std::vector<ColumnSummary> summarize(const data::Frame& x, std::span<const std::uint32_t> rows,
                                     const Context& context) {
  std::vector<ColumnSummary> out(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    out[c] = summarize(x.name(c), x.column(c), rows);
  });
  return out;
}

}  // namespace kolosal::transform
