#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"

namespace kolosal::service {

/// "c", "json", ...: what export_model() can write.
std::vector<std::string> export_formats();

struct ExportRequest {
  std::filesystem::path model;
  std::filesystem::path output;
  std::string format;  ///< One of export_formats().
};

/// A comparison with the model itself.
struct ExportCheck {
  std::string what;  ///< "the description"
  std::string rows;  ///< "drawn from the schema", "kept by the model"
  std::size_t n_rows = 0;
  double max_difference = 0;  ///< Relative to the prediction where that is above 1.
};

struct ExportReport {
  std::string format;
  std::size_t n_bytes = 0;       ///< Of the written file.
  std::size_t n_operations = 0;  ///< Of the model's description.
  std::vector<ExportCheck> checks;
};

nlohmann::json to_json(const ExportReport& report);

/// Writes a model in another language. The description that it is written from is carried out before, on rows
/// drawn from the model's schema and those that the model keeps, and compared with the model itself.
/// @throws Error kUnsupported naming the step, column or learner that has no form there, or when the
/// comparison is off by more than kMostDifference; nothing is written then.
ExportReport export_model(const ExportRequest& request, const Context& context);

inline constexpr double kMostDifference = 1e-4;

}  // namespace kolosal::service
