#include "kolosal/data/fingerprint.hpp"

#include <vector>

#include "kolosal/core/hash.hpp"

namespace kolosal::data {

std::uint64_t fingerprint(const Frame& frame, std::uint64_t seed) {
  std::uint64_t out = seed;
  std::vector<double> numbers(frame.n_rows());
  for (std::size_t i = 0; i < frame.n_columns(); ++i) {
    const Column& column = frame.column(i);
    out = hash_bytes(frame.name(i).data(), frame.name(i).size(),
                     out + static_cast<std::uint64_t>(column.type()));
    if (column.type() == ColumnType::kText) {
      for (std::size_t row = 0; row < column.size(); ++row) {
        const auto text = column.text(row);
        out = hash_bytes(text.data(), text.size(), out + (column.is_missing(row) ? 1 : 0));
      }
    } else if (column.type() == ColumnType::kSparse) {
      const SparseView cells = column.sparse();
      const auto begin = static_cast<std::size_t>(cells.offsets.front());
      const auto n = static_cast<std::size_t>(cells.offsets.back()) - begin;
      std::vector<std::int64_t> lengths;
      for (std::size_t row = 0; row < column.size(); ++row)
        lengths.push_back(cells.offsets[row + 1] - cells.offsets[row]);
      out = hash_bytes(lengths.data(), lengths.size() * sizeof(std::int64_t), out);
      out = hash_bytes(cells.indices + begin, n * sizeof(std::int32_t), out);
      out = hash_bytes(cells.values + begin, n * sizeof(float), out);
    } else if (column.type() == ColumnType::kFloat64) {
      out = hash_bytes(column.float64s().data(), column.size() * sizeof(double), out);
    } else {
      column.copy_numbers(numbers);
      out = hash_bytes(numbers.data(), numbers.size() * sizeof(double), out);
      if (column.type() != ColumnType::kCategory) continue;
      for (const std::string& level : column.dictionary()->levels())
        out = hash_bytes(level.data(), level.size(), out);
    }
  }
  return out;
}

}  // namespace kolosal::data
