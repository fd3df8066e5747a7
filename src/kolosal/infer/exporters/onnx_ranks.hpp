#pragma once

#include <string>

#include "kolosal/infer/exporters/onnx_values.hpp"

namespace kolosal::infer::exporters {

/// The rank of x (rows x 1).
std::string onnx_rank(const RankOperation& o, const std::string& x, OnnxMath& math);

/// CellFunction::kNormalOfRank of each number of x.
std::string onnx_normal_of_rank(const std::string& x, OnnxMath& math);

}  // namespace kolosal::infer::exporters
