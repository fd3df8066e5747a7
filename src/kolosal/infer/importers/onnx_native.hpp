#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kolosal/infer/importers/imported_model.hpp"
#include "kolosal/infer/importers/onnx_graph.hpp"

namespace kolosal::infer {

/// A graph that was turned into a learner of our own.
struct NativeGraph {
  std::unique_ptr<ImportedLearner> learner;
  ImportedColumns columns;
  bool by_position = false;
  data::Task task = data::Task::kRegression;
  std::vector<std::string> classes;
  std::size_t n_trees = 0, n_leaves = 0;
};

/// Turns a graph into a learner of our own: numbers, perhaps scaled, then trees or a linear model, then what
/// makes predictions of their sums. Null when the graph is another, and why in `reason`.
/// @throws Error kModel when its trees are damaged.
std::unique_ptr<NativeGraph> convert_graph(const OnnxModel& model, std::string& reason);

/// A linear or tree node: what it computes before the post transforms, and those that it does itself.
struct OnnxCore {
  bool is_classifier = false;
  std::vector<std::string> classes;
  std::vector<PostTransform> posts;
  model::Forest forest;                        ///< of trees
  std::vector<double> coefficient, intercept;  ///< of a linear node: n_columns x n_sums, n_sums
  std::size_t n_sums = 1;
  bool is_forest() const { return intercept.empty(); }
};

/// n_columns: 0 when it is not known. is_float32: the node gets float32 numbers.
/// Null and `reason` as convert_graph().
std::unique_ptr<OnnxCore> tree_core(const OnnxNode& node, std::size_t n_columns, bool is_float32,
                                    std::string& reason);

/// The labels of a classifier's node.
std::vector<std::string> class_labels(const OnnxNode& node);
/// Nothing for a name that is not known here; NONE is no post transform.
std::optional<std::vector<PostTransform>> post_transform_of(const OnnxNode& node);

}  // namespace kolosal::infer
