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

// Whether float32 loses something that a learner could use. It does not when every cell is exact, or rounding
// moves no cell beyond 2^24 and none by more than 1e-6 of the range of the column (a timestamp in days has a
// small range far from 0).
struct FloatLoss {
  bool is_certain = false;  // a cell beyond float32, or one beyond 2^24 that rounding moves
  double low = std::numeric_limits<double>::infinity(), high = -low, error = 0;

  void add(double cell) {
    if (!std::isfinite(cell)) return;
    low = std::min(low, cell);
    high = std::max(high, cell);
    if (std::abs(cell) > kLargestFloat) {
      is_certain = true;
      return;
    }
    const double moved = std::abs(static_cast<double>(static_cast<float>(cell)) - cell);
    is_certain |= moved > 0 && std::abs(cell) > 0x1p24;
    error = std::max(error, moved);
  }
  void merge(const FloatLoss& other) {
    is_certain |= other.is_certain;
    low = std::min(low, other.low);
    high = std::max(high, other.high);
    error = std::max(error, other.error);
  }
  bool matters() const { return is_certain || (error > 1e-6 * (high - low) && error > 0 && high > low); }
};

/// Numbers of any type become float32, or float64 where float32 would lose something in the fitted rows: a
/// number beyond 2^24 that it does not hold exactly, or more than a millionth of the column's range.
///
/// Missing: NaN.  Infinities stay.
/// Edge:    in a float32 column, later numbers beyond its range become its largest.
/// Streams: exact.
class ToFloat final : public Transformer {
 public:
  explicit ToFloat(ToFloatParams params) : params_(params) {}

  bool can_stream() const override { return true; }
  std::string made_types() const override { return "float,float32"; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    do_begin_stream();
    gather(x, context, [&](const Numbers& cells, FloatLoss& loss) {
      for (const std::uint32_t row : rows) loss.add(cells[row]);
    });
    do_finish_fit(context);
  }
  void do_begin_stream() override { losses_.assign(input_columns().size(), {}); }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    gather(x, context, [](const Numbers& cells, FloatLoss& loss) {
      for (const double cell : cells.values()) loss.add(cell);
    });
  }
  void do_merge(const Transformer& other) override {
    const auto& theirs = dynamic_cast<const ToFloat&>(other).losses_;
    for (std::size_t c = 0; c < losses_.size(); ++c) losses_[c].merge(theirs[c]);
  }
  void do_finish_fit(const Context&) override {
    is_double_.assign(losses_.size(), 0);
    for (std::size_t c = 0; c < losses_.size(); ++c)
      is_double_[c] = params_.always_double || losses_[c].matters() ? 1 : 0;
    losses_.clear();
  }
  template <typename Add>
  void gather(const data::Frame& x, const Context& context, const Add& add) {
    require_types(x, "to_float", "numeric");
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const ColumnType type = x.column(c).type();
      if (params_.always_double || (type != ColumnType::kInt64 && type != ColumnType::kFloat64)) return;
      FloatLoss loss;
      add(Numbers(x.column(c)), loss);
      losses_[c].merge(loss);
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
  std::vector<FloatLoss> losses_;  // within a fit
};

}  // namespace

TransformerInfo to_float_info() {
  return describe<ToFloat>(
      "to_float", "Turn numbers of any type into float32, or float64 where that loses something.", "numeric",
      ParamTable<ToFloatParams>().param("always_double", &ToFloatParams::always_double,
                                        "Give float64 everywhere."));
}

}  // namespace kolosal::transform
