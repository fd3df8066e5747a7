#pragma once

#include <span>

#include "kolosal/data/frame.hpp"
#include "kolosal/data/row_cell.hpp"

namespace kolosal::data {

/// A frame of rows whose cells stand one row after the other. parts: runs of such rows, which follow each
/// other in the frame; each holds a whole number of rows of header.n_columns() cells. header: names, types
/// and dictionaries. The frame copies what the cells point to.
Frame frame_of_rows(const Frame& header, std::span<const std::span<const RowCell>> parts);

}  // namespace kolosal::data
