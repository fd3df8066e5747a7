#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "kolosal/kernel/radix_sort.hpp"
#include "kolosal/profile/relations_internal.hpp"
#include "kolosal/profile/wording.hpp"

namespace kolosal::profile {
namespace {

using data::Column;
using data::ColumnType;

/// Codes by first appearance -> codes by frequency, pooled.
void order_levels(SampledCells& out, std::size_t max_levels) {
  std::vector<std::size_t> counts(out.levels.size());
  for (const std::int32_t code : out.codes)
    if (code >= 0) ++counts[static_cast<std::size_t>(code)];
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return counts[i]; });
  std::vector<std::int32_t> position(counts.size());
  std::vector<std::string> levels;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool is_pooled = order.size() > max_levels && i + 1 >= max_levels;
    position[order[i]] = static_cast<std::int32_t>(is_pooled ? max_levels - 1 : i);
    if (!is_pooled) levels.push_back(std::move(out.levels[order[i]]));
  }
  if (order.size() > max_levels) levels.emplace_back("(other)");
  for (std::int32_t& code : out.codes)
    if (code >= 0) code = position[static_cast<std::size_t>(code)];
  out.levels = std::move(levels);
}

}  // namespace

SampledCells sample_cells(const Column& column, std::span<const std::uint32_t> rows, std::size_t max_levels) {
  SampledCells out;
  out.is_number = !is_string(column.type()) && column.type() != ColumnType::kBool;
  if (out.is_number) {
    const bool is_float = column.type() == ColumnType::kFloat64;
    for (const std::uint32_t row : rows) {
      const double value = is_float ? column.float64s()[row] : column.number(row);
      out.values.push_back(std::isfinite(value) ? value : kNoNumber);
      out.n_missing += !std::isfinite(value);
    }
    return out;
  }
  std::unordered_map<std::int64_t, std::int32_t> by_code;
  std::unordered_map<std::string_view, std::int32_t> by_text;
  const bool is_text = column.type() == ColumnType::kText;
  out.codes.reserve(rows.size());
  for (const std::uint32_t row : rows) {
    if (column.is_missing(row)) {
      out.codes.push_back(-1);
      ++out.n_missing;
      continue;
    }
    const auto next = static_cast<std::int32_t>(out.levels.size());
    std::int32_t code = next;
    if (is_text)
      code = by_text.try_emplace(column.text(row), next).first->second;
    else
      code = by_code.try_emplace(static_cast<std::int64_t>(column.number(row)), next).first->second;
    if (code == next) out.levels.push_back(column.cell_text(row));
    out.codes.push_back(code);
  }
  order_levels(out, max_levels);
  return out;
}

std::vector<std::uint32_t> rows_by_value(const std::vector<double>& values) {
  struct KeyedRow {
    std::uint64_t key = 0;
    std::uint32_t row = 0;
  };
  std::vector<KeyedRow> keyed;
  keyed.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isnan(values[i])) keyed.push_back({kernel::sort_key(values[i]), static_cast<std::uint32_t>(i)});
  kernel::radix_sort(keyed, [](const KeyedRow& item) { return item.key; });
  std::vector<std::uint32_t> out;
  out.reserve(keyed.size());
  for (const KeyedRow& item : keyed) out.push_back(item.row);
  return out;
}

}  // namespace kolosal::profile
