#include <array>
#include <charconv>

#include "kolosal/io/cell_text_internal.hpp"

namespace kolosal::io {
namespace {

template <typename T>
void append_number(T value, std::string& out) {
  std::array<char, 64> buffer;
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}

template <typename T>
void append_float(T value, std::string& out) {
  const std::size_t before = out.size();
  append_number(value, out);
  if (out.find_first_not_of("-0123456789", before) == std::string::npos) out += ".0";
}

}  // namespace

void append_cell_text(const data::Column& column, std::size_t row, std::string& out) {
  switch (column.type()) {
    case data::ColumnType::kInt64:
      append_number(column.int64s()[row], out);
      return;
    case data::ColumnType::kFloat64:
      append_float(column.float64s()[row], out);
      return;
    case data::ColumnType::kFloat32:
      append_float(column.float32s()[row], out);
      return;
    default:
      out += column.cell_text(row);
      return;
  }
}

}  // namespace kolosal::io
