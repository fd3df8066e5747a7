#include <algorithm>
#include <cmath>

#include "kolosal/profile/cell_keys_internal.hpp"
#include "kolosal/profile/column_summary_internal.hpp"
#include "kolosal/profile/flags_internal.hpp"

namespace kolosal::profile {
namespace {

using data::Column;
using data::ColumnType;

bool is_whole_table(std::span<const std::uint32_t> rows, std::size_t n_rows) {
  if (rows.size() != n_rows) return false;
  for (std::size_t i = 0; i < n_rows; ++i)
    if (rows[i] != i) return false;
  return true;
}

struct Absent {
  std::size_t missing = 0, infinite = 0;
};

Absent count_absent(const Column& column, std::span<const std::uint32_t> rows) {
  Absent out;
  if (column.type() == ColumnType::kFloat64) {
    const std::span<const double> cells = column.float64s();
    for (const std::uint32_t row : rows) {
      out.missing += std::isnan(cells[row]) ? 1U : 0U;
      out.infinite += std::isinf(cells[row]) ? 1U : 0U;
    }
    return out;
  }
  const bool is_float = column.type() == ColumnType::kFloat32;
  for (const std::uint32_t row : rows) {
    out.missing += column.is_missing(row) ? 1U : 0U;
    if (is_float) out.infinite += std::isinf(column.number(row)) ? 1U : 0U;
  }
  return out;
}

/// The cells that are looked at. Counting levels takes all rows, and is cheap.
struct Looked {
  std::span<const std::uint32_t> rows, sample;
  bool rows_are_all = false, sample_is_all = false;

  Column of(const Column& column) const {
    const bool takes_all = column.type() == ColumnType::kCategory;
    if (takes_all ? rows_are_all : sample_is_all) return column;
    return column.take(takes_all ? rows : sample);
  }
};

ColumnProfile look_at(const std::string& name, const Column& column, const Looked& looked) {
  ColumnProfile out;
  out.name = name;
  if (column.type() == ColumnType::kSparse) {
    out.type = column.type();
    out.kind = Kind::kVector;
    out.n_rows = looked.rows.size();
    return out;
  }
  const Column cells = looked.of(column);
  summarize_column(cells, missing_bits(cells), kExactRows, out);
  out.kind = kind_of(out);
  add_column_flags(out);
  if (out.numbers) out.numbers->histogram = {};
  if (out.n_rows == looked.rows.size()) return out;
  out.n_rows = looked.rows.size();
  const Absent absent = count_absent(column, looked.rows);
  out.n_missing = absent.missing;
  if (out.numbers) out.numbers->n_infinite = absent.infinite;
  return out;
}

}  // namespace

std::vector<ColumnProfile> profile_columns(const data::Frame& table, std::span<const std::uint32_t> rows,
                                           std::size_t sample_rows, const Context& context) {
  std::vector<std::uint32_t> sample;
  for (const std::uint32_t at : draw_rows(rows.size(), sample_rows, 4)) sample.push_back(rows[at]);
  const bool is_whole = is_whole_table(rows, table.n_rows());
  const Looked looked{rows, sample, is_whole, is_whole && sample.size() == rows.size()};
  std::vector<ColumnProfile> out(table.n_columns());
  context.parallel_blocks(table.n_columns(), 1, [&](std::size_t c, std::size_t) {
    out[c] = look_at(table.name(c), table.column(c), looked);
  });
  return out;
}

}  // namespace kolosal::profile
