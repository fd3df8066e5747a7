#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/infer/exporters/export_check.hpp"

namespace kolosal::service {

/// "c", "json", ...: what export_model() can write.
std::vector<std::string> export_formats();

struct ExportRequest {
  std::filesystem::path model;
  std::filesystem::path output;
  std::string format;  ///< One of export_formats().
};

using infer::exporters::ExportCheck;

struct ExportReport {
  std::string format;
  std::size_t n_bytes = 0;       ///< Of the written file.
  std::size_t n_operations = 0;  ///< Of the model's description.
  std::vector<ExportCheck> checks;
  std::vector<std::string> notes;  ///< What was not checked, and what is needed for it.
};

nlohmann::json to_json(const ExportReport& report);

/// Writes a model in another language. The description that it is written from is carried out before, on rows
/// drawn from the model's schema and those that the model keeps, and compared with the model itself; an ONNX
/// file is also run by ONNX Runtime on them, where that is installed, before it gets its place.
/// @throws Error kUnsupported naming the step, column or learner that has no form there, or when the
/// comparison is off by more than infer::exporters::kMostDifference; nothing is written then.
ExportReport export_model(const ExportRequest& request, const Context& context);

}  // namespace kolosal::service
