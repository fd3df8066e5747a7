#include "kolosal/transform/infinities_internal.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {

void Infinities::begin_fit(std::size_t n_columns) {
  const bool has_bounds = how_ == "clip" || how_ == "error";
  lowest_.assign(has_bounds ? n_columns : 0, kNaN);
  highest_.assign(has_bounds ? n_columns : 0, kNaN);
}

void Infinities::add_cell(const data::Frame& x, std::size_t c, std::size_t row, double cell) {
  if (std::isinf(cell)) {
    if (how_ == "error") replace(x, c, row, cell);
    return;
  }
  lowest_[c] = std::fmin(lowest_[c], cell);
  highest_[c] = std::fmax(highest_[c], cell);
}

void Infinities::fit(const data::Frame& x, std::span<const std::uint32_t> rows) {
  begin_fit(x.n_columns());
  for (std::size_t c = 0; c < lowest_.size(); ++c) {
    if (!x.column(c).is_numeric()) continue;
    const Numbers cells(x.column(c));
    for (const std::uint32_t row : rows) add_cell(x, c, row, cells[row]);
  }
}

void Infinities::add(const data::Frame& batch) {
  for (std::size_t c = 0; c < lowest_.size(); ++c) {
    if (!batch.column(c).is_numeric()) continue;
    const Numbers cells(batch.column(c));
    for (std::size_t row = 0; row < cells.size(); ++row) add_cell(batch, c, row, cells[row]);
  }
}

void Infinities::merge(const Infinities& other) {
  for (std::size_t c = 0; c < lowest_.size(); ++c) {
    lowest_[c] = std::fmin(lowest_[c], other.lowest_[c]);
    highest_[c] = std::fmax(highest_[c], other.highest_[c]);
  }
}

void Infinities::replace(const data::Frame& x, std::size_t c, std::size_t row, double& cell) const {
  if (how_ == "error")
    throw Error(
        ErrorCode::kData,
        "column \"{}\" has an infinite cell in row {}; set infinities to missing, keep or clip to accept it",
        x.name(c), row);
  cell = how_ == "clip" ? (cell < 0 ? lowest_[c] : highest_[c]) : kNaN;
}

std::vector<double> Infinities::cells_of(const data::Frame& x, std::size_t c) const {
  std::vector<double> out(x.n_rows());
  x.column(c).copy_numbers(std::span<double>(out));
  for (std::size_t row = 0; row < out.size(); ++row)
    if (std::isinf(out[row])) replace(x, c, row, out[row]);
  return out;
}

std::vector<double> Infinities::cells_of(const data::Frame& x, std::size_t c,
                                         std::span<const std::uint32_t> rows) const {
  const Numbers cells(x.column(c));
  std::vector<double> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out[i] = cells[rows[i]];
    if (std::isinf(out[i])) replace(x, c, rows[i], out[i]);
  }
  return out;
}

void Infinities::save(artifact::Node& node) const {
  node.set_array("lowest", lowest_);
  node.set_array("highest", highest_);
}

void Infinities::load(const artifact::Node& node, std::size_t n_columns) {
  lowest_ = node.get_vector<double>("lowest");
  highest_ = node.get_vector<double>("highest");
  if (how_ == "clip") check_saved_size("infinities", {lowest_.size(), highest_.size()}, n_columns);
}

std::vector<data::Column> imputed_columns(const data::Frame& x, std::vector<std::vector<double>> cells,
                                          bool keep_infinities) {
  std::vector<data::Column> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const data::Column& column = x.column(c);
    for (std::size_t row = 0; keep_infinities && row < cells[c].size(); ++row)
      if (const double given = column.number(row); std::isinf(given)) cells[c][row] = given;
    if (column.type() != data::ColumnType::kFloat32) {
      out.push_back(data::Column::from_float64(std::move(cells[c])));
      continue;
    }
    std::vector<float> narrow(cells[c].size());
    for (std::size_t row = 0; row < narrow.size(); ++row) narrow[row] = static_cast<float>(cells[c][row]);
    out.push_back(data::Column::from_float32(std::move(narrow)));
  }
  return out;
}

}  // namespace kolosal::transform
