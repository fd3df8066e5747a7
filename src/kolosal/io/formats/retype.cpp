#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "kolosal/core/error.hpp"
#include "kolosal/data/schema.hpp"
#include "kolosal/data/text_value.hpp"
#include "kolosal/io/column_builder_internal.hpp"
#include "kolosal/io/formats/retype_internal.hpp"

namespace kolosal::io {
namespace {

using data::Column;
using data::ColumnType;

constexpr std::size_t kBlockRows = 2048;

bool is_string_type(ColumnType type) { return type == ColumnType::kText || type == ColumnType::kCategory; }

/// Calls use(first_row, block) for the cells of a column, block by block.
template <typename Use>
void for_each_block(const Column& column, Use&& use) {
  RowBlock block;
  block.n_columns = 1;
  const bool is_text = column.type() == ColumnType::kText;
  for (std::size_t first = 0; first < column.size(); first += kBlockRows) {
    block.clear();
    block.n_rows = std::min(kBlockRows, column.size() - first);
    block.cells.assign(block.n_rows, Cell{});
    for (std::size_t i = 0; i < block.n_rows; ++i) {
      Cell& cell = block.cells[i];
      cell.string = 1;
      cell.absent = column.is_missing(first + i) ? 1 : 0;
      if (cell.absent) continue;
      const std::string_view text =
          is_text ? column.text(first + i)
                  : std::string_view(block.unescaped.emplace_back(column.cell_text(first + i)));
      cell.begin = text.data();
      cell.size = text.size() & ((std::size_t{1} << 60) - 1);
      cell.quoted = 1;
      cell.transient = is_text ? 0 : 1;
    }
    use(first, std::as_const(block));
  }
}

[[noreturn]] void unreadable(const std::string& path, const std::string& name, const std::string& value,
                             ColumnType type) {
  throw Error(ErrorCode::kData,
              "{}, column '{}': cannot read '{}' as {}; leave the type out, or force it to text", path, name,
              value, data::type_name(type));
}

/// Types a column by the text of its cells.
Retyped through_text(const Column& column, const std::string& name, const std::string& path, ColumnPlan plan,
                     const MissingTokens& missing, const Context& context, ReadReport& report) {
  std::vector<ColumnStats> stats(1);
  for_each_block(
      column, [&](std::size_t, const RowBlock& block) { add_to_stats(block, 0, plan, missing, stats[0]); });
  if (plan.forced) {
    settle_forced_plan(stats[0], plan.decimal, plan);
  } else {
    plan = plan_column(name, stats[0], '.', report.notes);
    if (plan.undecided) plan.reason = "the file has texts";
  }
  ColumnBuilder builder(plan, stats, {column.size()});
  BadCell bad;
  const auto fill = [&] {
    for_each_block(column, [&](std::size_t first, const RowBlock& block) {
      builder.fill(0, first, block, 0, missing, bad);
    });
  };
  fill();
  if (bad.found) unreadable(path, name, bad.value, builder.type());
  if (builder.needs_second_fill(context)) fill();
  Column out = builder.finish();
  return {std::move(out), builder.reason()};
}

}  // namespace

Column convert(const Column& column, const std::string& name, const std::string& path, ColumnType type) {
  data::Field field;
  field.name = name;
  field.type = type;
  data::ConformReport changes;
  const data::Frame frame = data::Schema({field}).conform(data::Frame({name}, {column}), &changes);
  // A schema rounds fractions where whole numbers were trained on; the user's word is stricter.
  for (std::size_t row = 0; changes.rounded_cells.contains(name) && row < column.size(); ++row)
    if (const auto value = data::parse_float(column.cell_text(row)); value && *value != std::round(*value))
      unreadable(path, name, column.cell_text(row), type);
  if (const auto found = changes.unreadable_cells.find(name); found != changes.unreadable_cells.end())
    throw Error(ErrorCode::kData,
                "{}, column '{}': {} of its cells of type {} can not be read as {}; force it to another type",
                path, name, found->second, data::type_name(column.type()), data::type_name(type));
  return frame.column(0);
}

Retyped retype(const Column& column, const std::string& name, const std::string& path, bool infer,
               const ReadOptions& options, const Context& context, ReadReport& report) {
  const ColumnPlan plan = forced_plan(options, name);
  if (plan.forced && plan.type != column.type()) {
    if (is_string_type(plan.type) || is_string_type(column.type()))
      return through_text(column, name, path, plan, MissingTokens(options.missing_tokens), context, report);
    return {convert(column, name, path, plan.type), plan.reason};
  }
  if (!plan.forced && infer && column.type() == ColumnType::kText) {
    const bool own_tokens = options.missing_tokens != default_missing_tokens();
    const MissingTokens missing(own_tokens ? options.missing_tokens : std::vector<std::string>{});
    return through_text(column, name, path, plan, missing, context, report);
  }
  return {column, plan.forced ? plan.reason : "as in the file"};
}

}  // namespace kolosal::io
