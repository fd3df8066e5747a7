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
