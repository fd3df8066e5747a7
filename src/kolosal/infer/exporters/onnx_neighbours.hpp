#pragma once

#include "kolosal/infer/exporters/onnx_values.hpp"

namespace kolosal::infer::exporters {

/// Distances of all rows to all points, feature after feature in the engine's order: the same numbers, so
/// that what is equally far, or not at all, is so here too (a product of matrices would round otherwise).
/// Those up to number k vote by a product of their weights and the votes. Memory: some tensors of rows x
/// points doubles.
void add_onnx_neighbours(const NeighboursOperation& o, OnnxValues& values, OnnxMath& math);

/// Rows whose tensors take 32 MB each, at most 1024.
std::size_t block_rows_of(const NeighboursOperation& o);

}  // namespace kolosal::infer::exporters
