#pragma once

#include <string_view>

#include "kolosal/infer/exporters/exported_model.hpp"

namespace kolosal::infer::exporters {

/// "scale", "fill", ...
std::string_view function_name(CellFunction function);
/// "sigmoid", ...
std::string_view function_name(RowFunction function);

}  // namespace kolosal::infer::exporters
