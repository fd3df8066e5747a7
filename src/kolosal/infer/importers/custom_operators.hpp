#pragma once

#include "kolosal/infer/importers/onnx_graph.hpp"
#include "kolosal/infer/importers/onnxruntime_api.hpp"

namespace kolosal::infer {

/// Gives the operators of the libraries that KOLOSAL_OPERATORS names (kolosal_operator.h) to a session of
/// ONNX Runtime, when the model has nodes that neither ONNX nor ONNX Runtime defines. The libraries stay open
/// to the end of the process.
/// @throws Error kUnsupported when a library can not be opened, or none has such an operator.
void add_custom_operators(const OnnxModel& model, ort::SessionOptions* options);

}  // namespace kolosal::infer
