#pragma once

#include "kolosal/infer/exporters/onnx_values.hpp"

namespace kolosal::infer::exporters {

/// Sums of trees as a TreeEnsembleRegressor; sets the operation's values. A node that asks for a set of
/// levels reads a made feature, which a table gives for each level: 0 goes left, 1 right.
void add_onnx_trees(const ExportedModel& model, const TreesOperation& trees, OnnxValues& values,
                    OnnxMath& math);

}  // namespace kolosal::infer::exporters
