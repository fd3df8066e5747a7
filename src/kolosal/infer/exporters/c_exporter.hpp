#pragma once

#include <string>

#include "kolosal/infer/exporters/exported_model.hpp"

namespace kolosal::infer::exporters {

/// The model as one C99 file that needs nothing but the C library and libm: a struct of a row with a field
/// per input, <name>_predict() and <name>_decide(). name: what its public names begin with; made a C name
/// when it is none. Numbers are those of the engine to rounding (networks: the engine computes in float32,
/// the file in double).
std::string export_c(const ExportedModel& model, const std::string& name);

}  // namespace kolosal::infer::exporters
