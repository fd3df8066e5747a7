#include "kolosal/data/cell_rows.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace kolosal::data {
namespace {

using Parts = std::span<const std::span<const RowCell>>;

/// The cells of one column, in order of the rows.
class ColumnCells {
 public:
  ColumnCells(Parts parts, std::size_t column, std::size_t n_columns, std::size_t n_rows)
      : parts_(parts), column_(column), n_columns_(n_columns), n_rows_(n_rows) {}

  template <typename Body>
  void for_each(const Body& body) const {
    std::size_t row = 0;
    for (const auto& part : parts_)
      for (std::size_t i = column_; i < part.size(); i += n_columns_) body(row++, part[i]);
  }

  template <typename T, typename Value>
  std::vector<T> values(const Value& value) const {
    std::vector<T> out(n_rows_);
    for_each([&](std::size_t row, const RowCell& cell) { out[row] = static_cast<T>(value(cell)); });
    return out;
  }

  /// Empty when no cell is missing.
  template <typename Missing>
  Bitmap validity(const Missing& is_missing) const {
    Bitmap out;
    for_each([&](std::size_t row, const RowCell& cell) {
      if (!is_missing(cell)) return;
      if (out.empty()) out = all_present(n_rows_);
      clear_bit(out.data(), row);
    });
    return out;
  }

  std::size_t n_rows() const { return n_rows_; }

 private:
  Parts parts_;
  std::size_t column_;
  std::size_t n_columns_;
  std::size_t n_rows_;
};

bool is_nan(const RowCell& cell) { return std::isnan(cell.number); }
bool is_marked_missing(const RowCell& cell) { return cell.is_missing; }

Column texts_of(const ColumnCells& cells) {
  std::vector<std::int64_t> offsets(1, 0);
  offsets.reserve(cells.n_rows() + 1);
  std::string bytes;
  cells.for_each([&](std::size_t, const RowCell& cell) {
    if (!cell.is_missing) bytes += cell.text();
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  });
  return Column::from_text(std::move(offsets), std::move(bytes), cells.validity(is_marked_missing));
}

Column sparse_of(const ColumnCells& cells, std::int32_t width) {
  std::vector<std::int64_t> offsets(1, 0);
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  cells.for_each([&](std::size_t, const RowCell& cell) {
    for (const SparseEntry& entry : cell.sparse()) {
      indices.push_back(entry.index);
      values.push_back(entry.value);
    }
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
  });
  return Column::from_sparse(std::move(offsets), std::move(indices), std::move(values), width);
}

Column column_of(const Column& header, const ColumnCells& cells) {
  const auto number = [](const RowCell& cell) { return cell.number; };
  const auto time = [](const RowCell& cell) { return cell.time; };
  switch (header.type()) {
    case ColumnType::kBool:
      return Column::from_bool(
          cells.values<std::uint8_t>([](const RowCell& cell) { return cell.number == 1 ? 1 : 0; }),
          cells.validity(is_nan));
    case ColumnType::kInt64:
      return Column::from_int64(
          cells.values<std::int64_t>([](const RowCell& cell) { return is_nan(cell) ? 0.0 : cell.number; }),
          cells.validity(is_nan));
    case ColumnType::kFloat64:
      return Column::from_float64(cells.values<double>(number));
    case ColumnType::kFloat32:
      return Column::from_float32(cells.values<float>(number));
    case ColumnType::kCategory:
      return Column::from_category(cells.values<std::int32_t>(number), header.dictionary());
    case ColumnType::kText:
      return texts_of(cells);
    case ColumnType::kDate:
      return Column::from_date(cells.values<std::int64_t>(time), cells.validity(is_marked_missing));
    case ColumnType::kTimestamp:
      return Column::from_timestamp(cells.values<std::int64_t>(time), cells.validity(is_marked_missing));
    case ColumnType::kSparse:
      break;
  }
  return sparse_of(cells, header.sparse().width);
}

}  // namespace

Frame frame_of_rows(const Frame& header, Parts parts) {
  const std::size_t n_columns = header.n_columns();
  std::size_t n_rows = 0;
  for (const auto& part : parts) n_rows += n_columns == 0 ? 0 : part.size() / n_columns;
  std::vector<std::string> names;
  std::vector<Column> columns;
  for (std::size_t c = 0; c < n_columns; ++c) {
    names.push_back(header.name(c));
    columns.push_back(column_of(header.column(c), {parts, c, n_columns, n_rows}));
  }
  return {std::move(names), std::move(columns)};
}

}  // namespace kolosal::data
