#include "kolosal/transform/cell_hash_internal.hpp"
#include "kolosal/transform/kept_columns_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct DropConstantParams {
  bool missing_is_value = true;
};

// Whether at least two different cells are among the rows.
bool varies(const Column& column, std::span<const std::uint32_t> rows, bool missing_is_value) {
  if (column.type() == data::ColumnType::kSparse) {
    const auto cells = column.sparse();
    return std::ranges::any_of(
        rows, [&](std::uint32_t row) { return cells.offsets[row + 1] > cells.offsets[row]; });
  }
  std::size_t first = rows.size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!missing_is_value && column.is_missing(rows[i])) continue;
    if (first == rows.size())
      first = i;
    else if (!same_cell(column, column, rows[first], rows[i]))
      return true;
  }
  return false;
}

/// Drops columns that are constant or all missing in the fitted rows; the others pass untouched.
///
/// Missing: a value and missing cells are two values, unless missing_is_value is off.
/// Edge:    a sparse column is constant when it has no entries. With fewer than two fitted rows nothing is
/// dropped.
class DropConstant final : public KeptColumns {
 public:
  explicit DropConstant(DropConstantParams params) : params_(params) {}

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    kept_.assign(x.n_columns(), 1);
    if (rows.size() < 2) return;
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      kept_[c] = varies(x.column(c), rows, params_.missing_is_value) ? 1 : 0;
    });
  }

  DropConstantParams params_;
};

}  // namespace

TransformerInfo drop_constant_info() {
  return describe<DropConstant>("drop_constant", "Drop columns that are constant or all missing in training.",
                                "all",
                                ParamTable<DropConstantParams>().param(
                                    "missing_is_value", &DropConstantParams::missing_is_value,
                                    "Keep a column whose only variation is that some cells are missing."));
}

}  // namespace kolosal::transform
