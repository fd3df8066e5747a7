#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kolosal/infer/importers/onnx_graph.hpp"

namespace kolosal::infer {

/// How a graph makes labels of its scores.
struct LabelRule {
  double threshold = 0.5;       ///< of two classes: the second above it
  std::vector<double> weights;  ///< of more: the largest weighted score; empty: all are 1
};
/// What comparisons and weights on the way to the output of labels tell; else the usual rule.
LabelRule label_rule(const OnnxModel& model, std::size_t n_classes);

/// The classes in the order of a graph's scores: as a list of maps has them, as the list from which labels
/// are taken, as a classifier's node names them; else "0", "1", ...
std::vector<std::string> classes_of(const OnnxModel& model, std::size_t n_classes);

/// Of a graph without labels: whether its numbers come out of a softmax.
bool ends_in_softmax(const OnnxModel& model);

}  // namespace kolosal::infer
