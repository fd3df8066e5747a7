#pragma once

#include <cstddef>
#include <cstdint>

#include "kolosal/data/column.hpp"

namespace kolosal::transform {

/// A 64-bit hash of a cell by what it means: equal numbers have equal hashes in every numeric type, a
/// category cell hashes as its text. All missing cells are alike. For drop_duplicate and drop_id_like; sparse
/// columns have none.
std::uint64_t cell_hash(const data::Column& column, std::size_t row);

/// Whether two cells are the same: both missing, or equal numbers (floats by value), times or texts.
bool same_cell(const data::Column& a, const data::Column& b, std::size_t row_a, std::size_t row_b);

/// Columns whose cells can be equal: numbers with numbers, times with times, categories and texts.
bool comparable(data::ColumnType a, data::ColumnType b);

}  // namespace kolosal::transform
