#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kolosal/data/frame.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer::exporters {

/// Most that what is written may differ from the model.
inline constexpr double kMostDifference = 1e-4;

/// A comparison with the model itself.
struct ExportCheck {
  std::string what;  ///< "the description", "ONNX Runtime 1.23.2"
  std::string rows;  ///< CheckedRows::name
  std::size_t n_rows = 0;
  double max_difference = 0;  ///< Relative to the prediction where that is above 1.
};

/// Rows that are predicted by what was written.
struct CheckedRows {
  std::string name;  ///< "drawn from the schema", "kept by the model"
  data::Frame frame;
  std::vector<double> wanted;  ///< what the model itself predicts for them
};

/// found: predictions of the rows. what: predicted them.
/// @throws Error kUnsupported for the first row that is off by more than kMostDifference.
ExportCheck compare_predictions(std::string what, const CheckedRows& rows, std::span<const double> found);

/// Runs an ONNX file that a model was written to and compares numbers and labels with what the model itself
/// predicts for the rows. Needs OnnxRuntime::unavailable() to be empty.
/// @throws Error kUnsupported when ONNX Runtime does not run it, or as compare_predictions().
ExportCheck check_by_onnx_runtime(std::span<const std::byte> file, const pipeline::Model& model,
                                  const CheckedRows& rows);

}  // namespace kolosal::infer::exporters
