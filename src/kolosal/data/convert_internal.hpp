#pragma once

#include <cstddef>
#include <optional>

#include "kolosal/data/column.hpp"
#include "kolosal/data/schema.hpp"

namespace kolosal::data {

/// A column in another type, and what did not fit.
struct Conversion {
  Column column;
  std::size_t n_unreadable = 0;                 ///< Present cells that became missing.
  std::size_t n_unseen = 0;                     ///< Category cells whose level the dictionary does not hold.
  std::optional<std::size_t> first_unreadable;  ///< The first such row.
  std::size_t n_rounded = 0;                    ///< Fractions in a column that is to be whole.
};

/// Brings a column to the type (and dictionary) of a field. Shares the buffers when nothing is to be changed.
Conversion convert_column(const Column& input, const Field& field);

}  // namespace kolosal::data
