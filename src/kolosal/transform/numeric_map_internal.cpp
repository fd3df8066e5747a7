#include "kolosal/transform/numeric_map_internal.hpp"

namespace kolosal::transform {

using data::Column;
using data::ColumnType;

Column NewColumn::finish() && {
  const double* cells = cells_.get();
  return Column::wrap(ColumnType::kFloat64, cells, n_rows_, nullptr, 0, std::move(cells_));
}

void copy_cells(const Column& column, std::size_t begin, std::size_t end, double* out) {
  column.slice(begin, end - begin).copy_numbers(std::span<double>(out, end - begin));
}

class NumericMap::Row final : public RowStep {
 public:
  Row(const NumericMap& map, const data::Frame& inputs) : map_(map) {
    for (std::size_t c = 0; c < inputs.n_columns(); ++c)
      is_narrow_.push_back(inputs.column(c).type() == ColumnType::kFloat32);
  }
  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena&) const override {
    for (std::size_t c = 0; c < in.size(); ++c) {
      double cell = in[c].number;
      map_.map(c, {&cell, 1});
      out[c].number = is_narrow_[c] ? static_cast<float>(cell) : cell;
    }
  }

 private:
  const NumericMap& map_;
  std::vector<bool> is_narrow_;
};

std::unique_ptr<RowStep> NumericMap::row_step(const data::Frame& inputs) const {
  return std::make_unique<Row>(*this, inputs);
}

void NumericMap::unmap(std::size_t, std::span<double>) const {
  KOLOSAL_ASSERT(false, "only steps with an inverse are asked for it");
}

std::vector<Transformer::Named> NumericMap::do_transform(const data::Frame& x, const Context& context) const {
  auto columns =
      map_numbers(x, context, [&](std::size_t c, std::size_t, std::span<double> cells) { map(c, cells); });
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) out.push_back({x.name(c), std::move(columns[c])});
  return out;
}

std::vector<Transformer::Named> NumericMap::do_inverse(const data::Frame& x, const Context& context) const {
  auto columns =
      map_numbers(x, context, [&](std::size_t c, std::size_t, std::span<double> cells) { unmap(c, cells); });
  std::vector<Named> out;
  for (std::size_t c = 0; c < columns.size(); ++c) out.push_back({input_columns()[c], std::move(columns[c])});
  return out;
}

}  // namespace kolosal::transform
