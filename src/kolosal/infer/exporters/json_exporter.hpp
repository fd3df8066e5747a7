#pragma once

#include <string>

#include "kolosal/infer/exporters/exported_model.hpp"

namespace kolosal::infer::exporters {

/// Newest version of the JSON form that this program writes; docs/export.md tells what is in it.
inline constexpr int kJsonExportVersion = 1;

/// The description as JSON to read and to program against: the inputs with their levels, then the operations
/// in order, each with its numbers. NaN and infinities are the texts "nan", "inf" and "-inf".
std::string export_json(const ExportedModel& model);

}  // namespace kolosal::infer::exporters
