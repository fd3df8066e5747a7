#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kolosal/infer/exporters/exported_model.hpp"

namespace kolosal::infer::exporters {

/// Name and text of the C functions that an exported file may need; a file gets those that it calls.
const std::vector<std::pair<std::string_view, std::string_view>>& c_functions();

/// Which of them carries out an operation, and how many parameters behind the cells it takes.
std::string c_cell_function(CellFunction function);
std::size_t n_cell_parameters(CellFunction function);
std::string c_row_function(RowFunction function);

}  // namespace kolosal::infer::exporters
