#include <memory>
#include <span>

#include "fuzz_target.hpp"
#include "kolosal/artifact/protobuf_wire.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/infer/importers/imported_model.hpp"
#include "kolosal/infer/importers/onnx_native.hpp"

using namespace kolosal;

// Reads a model of another program, and predicts a row with it. Graphs for ONNX Runtime are only read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n_bytes) {
  const auto bytes = std::as_bytes(std::span(data, n_bytes));
  const auto format = infer::foreign_format(bytes);
  if (!format) return 0;
  try {
    if (*format == infer::ForeignFormat::kOnnx) {
      std::string reason;
      (void)infer::convert_graph(infer::read_onnx(bytes), reason);
      return 0;
    }
    const infer::ImportedModel imported = infer::import_model(*format, bytes);
    const auto names = imported.model.schema.names_with(data::Role::kFeature);
    if (names.size() > 1000 || imported.model.n_outputs() > 1000) return 0;
    data::Frame row;
    for (const std::string& name : names) row.add(name, data::Column::from_float64({1.5}));
    (void)imported.model.predict(row, Context());
  } catch (const Error&) {
  }
  return 0;
}

namespace {

std::string onnx_seed() {
  artifact::ProtobufWriter dim, rows, shape, tensor_type, type, input, output, node, graph, model;
  dim.add_integer(1, 2);
  shape.add_message(1, rows);
  shape.add_message(1, dim);
  tensor_type.add_integer(1, 1);
  tensor_type.add_message(2, shape);
  type.add_message(1, tensor_type);
  input.add_text(1, "x");
  input.add_message(2, type);
  output.add_text(1, "y");
  node.add_text(1, "x");
  node.add_text(2, "y");
  node.add_text(4, "TreeEnsembleRegressor");
  node.add_text(7, "ai.onnx.ml");
  const auto integers = [&](const char* name, const std::vector<std::int64_t>& values) {
    artifact::ProtobufWriter attribute;
    attribute.add_text(1, name);
    attribute.add_packed(8, values);
    node.add_message(5, attribute);
  };
  const auto floats = [&](const char* name, const std::vector<float>& values) {
    artifact::ProtobufWriter attribute;
    attribute.add_text(1, name);
    attribute.add_packed(7, values);
    node.add_message(5, attribute);
  };
  integers("nodes_treeids", {0, 0, 0});
  integers("nodes_nodeids", {0, 1, 2});
  integers("nodes_featureids", {1, 0, 0});
  integers("nodes_truenodeids", {1, 0, 0});
  integers("nodes_falsenodeids", {2, 0, 0});
  floats("nodes_values", {0.5F, 0, 0});
  artifact::ProtobufWriter modes;
  modes.add_text(1, "nodes_modes");
  for (const char* mode : {"BRANCH_LEQ", "LEAF", "LEAF"}) modes.add_text(9, mode);
  node.add_message(5, modes);
  integers("target_treeids", {0, 0});
  integers("target_nodeids", {1, 2});
  integers("target_ids", {0, 0});
  floats("target_weights", {1, -2});
  graph.add_message(1, node);
  graph.add_message(11, input);
  graph.add_message(12, output);
  model.add_integer(1, 8);
  model.add_message(7, graph);
  return {reinterpret_cast<const char*>(model.bytes().data()), model.bytes().size()};
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {
      "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n"
      "objective=binary sigmoid:1\nfeature_names=a b\nfeature_infos=[0:1] 0:1:2\ntree_sizes=300\n\n"
      "Tree=0\nnum_leaves=3\nnum_cat=1\nsplit_feature=0 1\nsplit_gain=1 1\nthreshold=0.5 0\n"
      "decision_type=10 1\nleft_child=-1 -2\nright_child=1 -3\nleaf_value=0.1 -0.2 0.3\ncat_boundaries=0 1\n"
      "cat_threshold=5\nis_linear=1\nleaf_const=1 2 3\nnum_features=1 0 1\nleaf_features=0   0 \n"
      "leaf_coeff=1.5   2.5 \nshrinkage=1\n\nend of trees\n\npandas_categorical:[[\"x\", \"y\", 3]]\n",
      R"({"learner":{"attributes":{},"feature_names":["a","b"],"feature_types":["float","c"],"gradient_booster":{)"
      R"("model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1"},"iteration_indptr":[0,1],)"
      R"("tree_info":[0],"trees":[{"base_weights":[0,1,2,3,4],"categories":[1,3],"categories_nodes":[2],)"
      R"("categories_segments":[0],"categories_sizes":[2],"default_left":[0,0,1,0,0],"id":0,)"
      R"("left_children":[1,-1,3,-1,-1],"loss_changes":[2,0,1,0,0],"right_children":[2,-1,4,-1,-1],)"
      R"("split_conditions":[-1.2,0.2,1,-0.1,0.1],"split_indices":[0,0,1,0,0],"split_type":[0,0,1,0,0],)"
      R"("tree_param":{"num_nodes":"5","size_leaf_vector":"1"}}]},"name":"gbtree"},"learner_model_param":{)"
      R"("base_score":"[5E-1]","num_class":"0","num_feature":"2","num_target":"1"},)"
      R"("objective":{"name":"binary:logistic"}},"version":[3,2,0]})",
      onnx_seed(),
  };
}
