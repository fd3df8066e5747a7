#pragma once

#include <span>
#include <string>
#include <vector>

#include "kolosal/data/frame.hpp"
#include "kolosal/data/row_cell.hpp"

namespace kolosal::infer::testing {

/// Two columns of numbers, one with gaps, and a category.
data::Frame small_table(std::size_t n_rows);

/// Trains a model of two classes on small_table() and writes it as training does. seed: another one gives
/// another model of the same kind.
void write_small_model(const std::string& path, const std::string& learner, std::uint64_t seed = 0);

/// The rows of a table as cells. The table outlives it.
class CellTable {
 public:
  explicit CellTable(const data::Frame& table);
  std::span<const data::RowCell> rows(std::size_t begin, std::size_t n) const {
    return std::span(cells_).subspan(begin * n_columns_, n * n_columns_);
  }

 private:
  std::size_t n_columns_;
  data::RowArena arena_;
  std::vector<data::RowCell> cells_;
};

}  // namespace kolosal::infer::testing
