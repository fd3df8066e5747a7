#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

struct FillParams {
  std::string direction = "forward";
  std::string order_by;
  std::string group_by;
  std::int64_t limit = 0;
  std::string infinities = "missing";
};

/// Fills a missing cell with the last cell of its column that is present before it (forward) or the first one
/// after it (backward): in the order of the rows, or of a time or number column, within groups when asked.
///
/// Types:   all; a column keeps its type. The columns of order_by and group_by are among the columns of the
///          step, and are not filled.
/// Missing: NaN, missing and unseen codes; infinities as `infinities` says. A cell without a present one
/// before
///          it (after it) in its group is missing. Rows without order come last; a missing group is one.
/// Batches: looks at the rows of one frame alone, so a table that is transformed in batches is filled within
///          each; it can not be fitted as a stream for that reason. Learns nothing.
/// Source:  pandas' ffill, bfill, and their groupby forms.
class FillInOrder final : public Transformer {
 public:
  explicit FillInOrder(FillParams params) : params_(std::move(params)) {}
  bool is_stateless() const override { return true; }
  bool can_stream() const override { return false; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t>, const data::TargetView&,
              const Context&) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node&) const override {}
  void do_load(const artifact::Node&) override {}
  bool is_hole(const Column& column, std::size_t row, const std::string& name) const;

  FillParams params_;
};

void FillInOrder::do_fit(const data::Frame& x, std::span<const std::uint32_t>, const data::TargetView&,
                         const Context&) {
  for (const auto& [parameter, name] :
       {std::pair("order_by", params_.order_by), {"group_by", params_.group_by}})
    if (!name.empty() && !x.find(name))
      throw Error(ErrorCode::kInvalidParameter,
                  "fill_in_order: {} names column \"{}\", which is not among the columns of the step",
                  parameter, name);
  if (!params_.order_by.empty() && !type_in_list("numeric,time", x.column(params_.order_by).type()))
    throw Error(ErrorCode::kInvalidParameter,
                "fill_in_order: order_by needs numbers or times, column \"{}\" is of type {}",
                params_.order_by, data::type_name(x.column(params_.order_by).type()));
}

// A number for each group; rows of the same cell have the same one.
std::vector<std::uint32_t> group_numbers(const Column& column) {
  std::vector<std::uint32_t> out(column.size());
  std::unordered_map<std::string, std::uint32_t> known;
  for (std::size_t row = 0; row < out.size(); ++row) {
    // No cell has the text of a missing one with a mark before it.
    const std::string key = column.is_missing(row) ? "?" : "=" + column.cell_text(row);
    out[row] = known.emplace(key, static_cast<std::uint32_t>(known.size())).first->second;
  }
  return out;
}

bool FillInOrder::is_hole(const Column& column, std::size_t row, const std::string& name) const {
  if (column.is_missing(row)) return true;
  if (column.type() != ColumnType::kFloat64 && column.type() != ColumnType::kFloat32) return false;
  if (params_.infinities == "keep" || !std::isinf(column.number(row))) return false;
  if (params_.infinities == "error")
    throw Error(
        ErrorCode::kData,
        "column \"{}\" has an infinite cell in row {}; set infinities to missing or keep to accept it", name,
        row);
  return true;
}

// With NaN in place of infinities.
Column without_infinities(const Column& column) {
  const auto replaced = [](auto cells) {
    for (auto& cell : cells)
      if (std::isinf(cell)) cell = std::numeric_limits<std::decay_t<decltype(cell)>>::quiet_NaN();
    return cells;
  };
  if (column.type() == ColumnType::kFloat64)
    return Column::from_float64(
        replaced(std::vector<double>(column.float64s().begin(), column.float64s().end())));
  return Column::from_float32(
      replaced(std::vector<float>(column.float32s().begin(), column.float32s().end())));
}

std::vector<Transformer::Named> FillInOrder::do_transform(const data::Frame& x,
                                                          const Context& context) const {
  std::vector<std::uint32_t> order(x.n_rows()), group(x.n_rows());
  std::iota(order.begin(), order.end(), 0U);
  if (!params_.group_by.empty()) group = group_numbers(x.column(params_.group_by));
  if (!params_.order_by.empty()) {
    const Numbers moment(x.column(params_.order_by));
    std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) {
      return std::isnan(moment[a]) ? false : std::isnan(moment[b]) || moment[a] < moment[b];
    });
  }
  if (!params_.group_by.empty())
    std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return group[row]; });
  if (params_.direction == "backward") std::ranges::reverse(order);

  std::vector<Named> out(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const std::string& name = x.name(c);
    const Column& column = x.column(c);
    out[c] = {name, column};
    if (name == params_.order_by || name == params_.group_by) return;
    std::vector<std::uint32_t> from(x.n_rows());
    bool filled = false, has_last = false, infinite_left = false;
    std::uint32_t last = 0;
    std::int64_t age = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::uint32_t row = order[i];
      if (i > 0 && group[row] != group[order[i - 1]]) has_last = false;
      from[row] = row;
      if (!is_hole(column, row, name)) {
        last = row;
        has_last = true;
        age = 0;
      } else if (has_last && (params_.limit == 0 || age < params_.limit)) {
        from[row] = last;
        filled = true;
        ++age;
      } else {
        infinite_left |= !column.is_missing(row);
      }
    }
    if (filled) out[c].column = column.take(from);
    if (infinite_left) out[c].column = without_infinities(out[c].column);
  });
  return out;
}

}  // namespace

TransformerInfo fill_in_order_info() {
  return describe<FillInOrder>(
      "fill_in_order", "Fill missing cells with the last present cell before them, or the next one after.",
      "all",
      ParamTable<FillParams>()
          .param("direction", &FillParams::direction,
                 "forward: from the row before; backward: from the row after.",
                 choice({"forward", "backward"}))
          .param("order_by", &FillParams::order_by,
                 "Column of times or numbers that orders the rows; empty: they are in order.")
          .param("group_by", &FillParams::group_by,
                 "Column whose equal cells make a group; empty: one group.")
          .param("limit", &FillParams::limit,
                 "Cells in a row that are filled from the same cell; 0: any number.")
          .limits(0, 1e9)
          .param("infinities", &FillParams::infinities, "Infinite cells: missing (filled), keep or error.",
                 choice({"missing", "keep", "error"})));
}

}  // namespace kolosal::transform
