#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {

/// Base of the steps that give every number another number, cell by cell: a subclass maps blocks of cells.
///
/// Types:   float32 stays float32, everything else becomes float64; the work is done in double.
class NumericMap : public Transformer {
 public:
  std::string made_types() const final { return "float,float32"; }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const final;

 protected:
  /// Replaces cells of a column by what they become. NaN = missing.
  virtual void map(std::size_t column, std::span<double> cells) const = 0;
  /// The inverse of map(), of steps with an inverse.
  virtual void unmap(std::size_t column, std::span<double> cells) const;

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const final;
  std::vector<Named> do_inverse(const data::Frame& x, const Context& context) const final;

 private:
  class Row;
};

/// A float64 column whose cells are written once it is there, which saves filling them with zeros first.
class NewColumn {
 public:
  NewColumn() = default;
  explicit NewColumn(std::size_t n_rows)
      : cells_(std::make_shared_for_overwrite<double[]>(n_rows)), n_rows_(n_rows) {}
  std::span<double> cells() { return {cells_.get(), n_rows_}; }
  data::Column finish() &&;

 private:
  std::shared_ptr<double[]> cells_;
  std::size_t n_rows_ = 0;
};

/// Columns of x as they come out of `map(column, first_row, cells)`, which is called for blocks of kRowGrain
/// rows in parallel. A float32 column comes back as float32.
template <typename Map>
std::vector<data::Column> map_numbers(const data::Frame& x, const Context& context, const Map& map);

/// The cells of rows [begin, end) of a numeric column into out.
void copy_cells(const data::Column& column, std::size_t begin, std::size_t end, double* out);

template <typename Map>
std::vector<data::Column> map_numbers(const data::Frame& x, const Context& context, const Map& map) {
  const std::size_t n = x.n_rows(), n_blocks = (n + kRowGrain - 1) / kRowGrain;
  std::vector<NewColumn> wide(x.n_columns());
  std::vector<std::vector<float>> narrow(x.n_columns());
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    if (x.column(c).type() == data::ColumnType::kFloat32)
      narrow[c].resize(n);
    else
      wide[c] = NewColumn(n);
  }
  context.parallel_blocks(x.n_columns() * n_blocks, 1, [&](std::size_t task, std::size_t) {
    const std::size_t c = task / n_blocks, begin = task % n_blocks * kRowGrain,
                      end = std::min(n, begin + kRowGrain);
    if (narrow[c].empty()) {
      const auto cells = wide[c].cells().subspan(begin, end - begin);
      copy_cells(x.column(c), begin, end, cells.data());
      map(c, begin, cells);
    } else {
      double buffer[kRowGrain];
      copy_cells(x.column(c), begin, end, buffer);
      map(c, begin, std::span<double>(buffer, end - begin));
      for (std::size_t i = begin; i < end; ++i) narrow[c][i] = static_cast<float>(buffer[i - begin]);
    }
  });
  std::vector<data::Column> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    out.push_back(x.column(c).type() == data::ColumnType::kFloat32
                      ? data::Column::from_float32(std::move(narrow[c]))
                      : std::move(wide[c]).finish());
  return out;
}

}  // namespace kolosal::transform
