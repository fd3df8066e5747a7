#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

struct ToFloatParams {
  bool always_double = false;
};

constexpr double kLargestFloat = std::numeric_limits<float>::max();

// float32 serves when it loses nothing that a learner could use: every cell is exact, or rounding moves no
// cell beyond 2^24 and none by more than 1e-6 of the range of the column (a timestamp in days has a small
// range far from 0).
bool needs_double(const Numbers& cells, std::span<const std::uint32_t> rows) {
  double low = std::numeric_limits<double>::infinity(), high = -low, error = 0;
  for (const std::uint32_t row : rows) {
    const double cell = cells[row];
    if (!std::isfinite(cell)) continue;
    low = std::min(low, cell);
    high = std::max(high, cell);
    if (std::abs(cell) > kLargestFloat) return true;
    const double moved = std::abs(static_cast<double>(static_cast<float>(cell)) - cell);
    if (moved == 0) continue;
    if (std::abs(cell) > 0x1p24) return true;
    error = std::max(error, moved);
  }
  return error > 1e-6 * (high - low) && error > 0 && high > low;
}

/// Numbers of any type become float32, or float64 where float32 would lose something in the fitted rows: a
/// number beyond 2^24 that it does not hold exactly, or more than a millionth of the column's range.
///
/// Missing: NaN.  Infinities stay.
/// Edge:    in a float32 column, later numbers beyond its range become its largest.
class ToFloat final : public Transformer {
 public:
  explicit ToFloat(ToFloatParams params) : params_(params) {}

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "to_float", "numeric");
    is_double_.assign(x.n_columns(), 0);
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const ColumnType type = x.column(c).type();
      if (params_.always_double)
        is_double_[c] = 1;
      else if (type == ColumnType::kInt64 || type == ColumnType::kFloat64)
        is_double_[c] = needs_double(Numbers(x.column(c)), rows) ? 1 : 0;
    });
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    std::vector<Named> out(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Column& column = x.column(c);
      const ColumnType wanted = is_double_[c] ? ColumnType::kFloat64 : ColumnType::kFloat32;
      out[c] = {x.name(c), column.type() == wanted ? column : converted(column, is_double_[c] != 0)};
    });
    return out;
  }

  static Column converted(const Column& column, bool to_double) {
    if (to_double) {
      std::vector<double> cells(column.size());
      column.copy_numbers(std::span<double>(cells));
      return Column::from_float64(std::move(cells));
    }
    const Numbers cells(column);
    std::vector<float> out(cells.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double cell = cells[i];
      const double cut =
          std::isinf(cell)
              ? cell
              : (cell > kLargestFloat ? kLargestFloat : (cell < -kLargestFloat ? -kLargestFloat : cell));
      out[i] = static_cast<float>(cut);
    }
    return Column::from_float32(std::move(out));
  }

  void do_save(artifact::Node& node) const override { node.set_array("is_double", is_double_); }
  void do_load(const artifact::Node& node) override {
    is_double_ = node.get_vector<std::uint8_t>("is_double");
    check_saved_size("to_float", {is_double_.size()}, input_columns().size());
  }

  ToFloatParams params_;
  std::vector<std::uint8_t> is_double_;
};

}  // namespace

TransformerInfo to_float_info() {
  return describe<ToFloat>(
      "to_float", "Turn numbers of any type into float32, or float64 where that loses something.", "numeric",
      ParamTable<ToFloatParams>().param("always_double", &ToFloatParams::always_double,
                                        "Give float64 everywhere."));
}

}  // namespace kolosal::transform
