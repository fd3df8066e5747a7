#include "kolosal/data/row_cell.hpp"

#include "kolosal/data/cell_rows.hpp"

namespace kolosal::data {

Frame frame_of_cells(const Frame& header, std::span<const RowCell> cells) {
  return frame_of_rows(header, std::span(&cells, 1));
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
