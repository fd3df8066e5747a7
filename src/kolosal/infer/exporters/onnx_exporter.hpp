#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kolosal/infer/exporters/exported_model.hpp"

namespace kolosal::infer::exporters {

/// The whole pipeline as an ONNX model (opset 17, ai.onnx.ml 3): an input per column that the prediction
/// depends on, rows x 1: double for numbers (NaN: missing; bool: 0 and 1), text for categories ("": missing).
///
/// Outputs: `prediction` (rows x 1, or x quantiles; double), or of classes `label` (rows; texts) and
/// `probabilities` (rows x classes; double).
/// Metadata: quantiles, and which columns are dates (infer::OnnxNotes), for this program to read it again.
/// Precision: sums of trees leave ONNX's tree operator as float32.
/// @throws Error kUnsupported naming what ONNX can not hold.
std::vector<std::byte> export_onnx(const ExportedModel& model, const std::string& name);

}  // namespace kolosal::infer::exporters
