#include "kolosal/data/row_cell.hpp"

#include <cmath>

namespace kolosal::data {
namespace {

Bitmap validity(bool is_missing) { return is_missing ? Bitmap{0} : Bitmap{}; }

Column column_of_cell(const Column& header, const RowCell& cell) {
  switch (header.type()) {
    case ColumnType::kBool:
      return Column::from_bool({static_cast<std::uint8_t>(cell.number == 1)},
                               validity(std::isnan(cell.number)));
    case ColumnType::kInt64:
      return Column::from_int64({std::isnan(cell.number) ? 0 : static_cast<std::int64_t>(cell.number)},
                                validity(std::isnan(cell.number)));
    case ColumnType::kFloat64:
      return Column::from_float64({cell.number});
    case ColumnType::kFloat32:
      return Column::from_float32({static_cast<float>(cell.number)});
    case ColumnType::kCategory:
      return Column::from_category({static_cast<std::int32_t>(cell.number)}, header.dictionary());
    case ColumnType::kText:
      return Column::from_text({0, static_cast<std::int64_t>(cell.n)}, std::string(cell.text()),
                               validity(cell.is_missing));
    case ColumnType::kDate:
      return Column::from_date({cell.time}, validity(cell.is_missing));
    case ColumnType::kTimestamp:
      return Column::from_timestamp({cell.time}, validity(cell.is_missing));
    case ColumnType::kSparse:
      break;
  }
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  for (const SparseEntry& entry : cell.sparse()) {
    indices.push_back(entry.index);
    values.push_back(entry.value);
  }
  return Column::from_sparse({0, static_cast<std::int64_t>(cell.n)}, std::move(indices), std::move(values),
                             header.sparse().width);
}

}  // namespace

Frame frame_of_cells(const Frame& header, std::span<const RowCell> cells) {
  std::vector<std::string> names;
  std::vector<Column> columns;
  for (std::size_t c = 0; c < header.n_columns(); ++c) {
    names.push_back(header.name(c));
    columns.push_back(column_of_cell(header.column(c), cells[c]));
  }
  return {std::move(names), std::move(columns)};
}

RowCell cell_of(const Column& column, std::size_t row, RowArena& arena) {
  RowCell out;
  switch (column.type()) {
    case ColumnType::kCategory:
      out.number = column.codes()[row];
      break;
    case ColumnType::kText:
      out.is_missing = column.is_missing(row);
      out.bytes = column.text(row).data();
      out.n = static_cast<std::uint32_t>(column.text(row).size());
      break;
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      out.is_missing = column.is_missing(row);
      out.time = column.int64s()[row];
      break;
    case ColumnType::kSparse: {
      const SparseView rows = column.sparse();
      const auto begin = static_cast<std::size_t>(rows.offsets[row]);
      const auto entries = arena.take<SparseEntry>(static_cast<std::size_t>(rows.offsets[row + 1]) - begin);
      for (std::size_t i = 0; i < entries.size(); ++i)
        entries[i] = {rows.indices[begin + i], rows.values[begin + i]};
      out.entries = entries.data();
      out.n = static_cast<std::uint32_t>(entries.size());
      break;
    }
    default:
      out.number = column.number(row);
  }
  return out;
}

}  // namespace kolosal::data
