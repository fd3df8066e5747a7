#pragma once

#include <string>

#include "kolosal/data/column.hpp"

namespace kolosal::io {

/// Appends a present cell that is no string, as text files hold it. Floats always look like floats (5.0, not
/// 5), so that a column keeps its type when it is read back.
void append_cell_text(const data::Column& column, std::size_t row, std::string& out);

}  // namespace kolosal::io
