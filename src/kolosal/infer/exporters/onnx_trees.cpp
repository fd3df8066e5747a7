#include "kolosal/infer/exporters/onnx_trees.hpp"

#include <limits>

#include "kolosal/core/error.hpp"

namespace kolosal::infer::exporters {
namespace {

using model::Forest;

std::size_t index(std::int32_t i) { return static_cast<std::size_t>(i); }

/// What the nodes of a forest read.
class TreeFeatures {
 public:
  TreeFeatures(const ExportedModel& model, const TreesOperation& trees)
      : model_(model), trees_(trees), f_(*trees.forest) {
    for (std::size_t i = 0; i < f_.feature.size(); ++i) feature_of_node_.push_back(feature_of(i));
  }

  std::int64_t of_node(std::size_t node) const { return feature_of_node_[node]; }

  std::string matrix(OnnxValues& values, OnnxMath& math) {
    OnnxGraph& g = math.graph();
    std::vector<std::string> parts;
    if (!numbers_.empty()) parts.push_back(values.columns(numbers_));
    if (!holes_.empty()) {
      const std::string x = values.columns(holes_);
      const auto is_zero = g.node("LessOrEqual", {g.node("Abs", {x}), g.number(1e-35)});
      parts.push_back(math.where(is_zero, g.number(std::numeric_limits<double>::quiet_NaN()), x));
    }
    for (const auto& [feature, sets] : sets_of_feature_) {
      const ValueId id = trees_.features[feature];
      const std::size_t n_slots = model_.values[id].n_slots();
      std::vector<double> table(n_slots * sets.size());
      for (std::size_t s = 0; s < n_slots; ++s)
        for (std::size_t k = 0; k < sets.size(); ++k)
          table[s * sets.size() + k] = goes_left(sets[k], s) ? 0 : 1;
      const auto flat =
          g.node("Squeeze", {values.slots(id), g.constant({{1}, std::vector<std::int64_t>{1}})});
      parts.push_back(g.node(
          "Gather", {g.constant({{static_cast<std::int64_t>(n_slots), static_cast<std::int64_t>(sets.size())},
                                 std::move(table)}),
                     flat}));
    }
    std::string out = parts.size() == 1 ? parts[0] : g.node("Concat", parts, {{"axis", std::int64_t{1}}});
    return f_.round_to_float ? math.through_float(out) : out;
  }

  /// Numbers first, then those with holes, then sets by feature: the places of the matrix.
  void number() {
    std::int64_t at = static_cast<std::int64_t>(numbers_.size() + holes_.size());
    std::map<std::size_t, std::int64_t> first;
    for (const auto& [feature, sets] : sets_of_feature_) {
      first[feature] = at;
      at += static_cast<std::int64_t>(sets.size());
    }
    for (std::size_t i = 0; i < feature_of_node_.size(); ++i) {
      if (f_.flags[i] & model::kCategorical)
        feature_of_node_[i] += first.at(index(f_.feature[i]));
      else if (f_.flags[i] & model::kZeroIsMissing)
        feature_of_node_[i] += static_cast<std::int64_t>(numbers_.size());
    }
  }
  bool is_empty() const { return feature_of_node_.empty(); }

 private:
  std::int64_t place_in(std::vector<ValueId>& list, ValueId id) {
    for (std::size_t i = 0; i < list.size(); ++i)
      if (list[i] == id) return static_cast<std::int64_t>(i);
    list.push_back(id);
    return static_cast<std::int64_t>(list.size() - 1);
  }

  std::int64_t feature_of(std::size_t node) {
    const std::size_t feature = index(f_.feature[node]);
    const ValueId id = trees_.features[feature];
    if (!(f_.flags[node] & model::kCategorical))
      return place_in(f_.flags[node] & model::kZeroIsMissing ? holes_ : numbers_, id);
    if (!model_.values[id].is_level())
      throw Error(
          ErrorCode::kUnsupported,
          "can not export: trees split \"{}\" by sets of levels, but it is a number; ONNX has no form for "
          "that",
          model_.values[id].name);
    // The set by what it does to each slot, so that equal ones are one feature.
    std::vector<std::size_t>& nodes = sets_of_feature_[feature];
    std::vector<bool> key;
    for (std::size_t s = 0; s < model_.values[id].n_slots(); ++s) key.push_back(goes_left(node, s));
    const auto [found, is_new] = set_numbers_.try_emplace({feature, std::move(key)}, nodes.size());
    if (is_new) nodes.push_back(node);
    return static_cast<std::int64_t>(found->second);
  }

  bool goes_left(std::size_t node, std::size_t slot) const {
    if (slot < 2) return (f_.flags[node] & model::kDefaultLeft) != 0;
    const std::size_t code = slot - 2;
    if (code / 32 >= index(f_.category_words[node])) return false;
    return (f_.category_bits[index(f_.category_offset[node]) + code / 32] >> (code % 32)) & 1U;
  }

  const ExportedModel& model_;
  const TreesOperation& trees_;
  const Forest& f_;
  std::vector<ValueId> numbers_, holes_;
  std::map<std::size_t, std::vector<std::size_t>> sets_of_feature_;  // a node of each set
  std::map<std::pair<std::size_t, std::vector<bool>>, std::size_t> set_numbers_;
  std::vector<std::int64_t> feature_of_node_;
};

/// The attributes of the operator.
struct TreeArrays {
  std::vector<std::int64_t> tree, node, feature, yes, no, missing_yes, leaf_tree, leaf_node, output;
  std::vector<std::string> mode;
  std::vector<double> threshold, weight;

  void add_tree(const Forest& f, std::size_t t, const TreeFeatures& features) {
    std::vector<std::int32_t> open = {f.tree_root[t]};
    for (std::size_t i = 0; i < open.size(); ++i) {
      const std::int32_t at = open[i];
      tree.push_back(static_cast<std::int64_t>(t));
      node.push_back(static_cast<std::int64_t>(i));
      if (at < 0) {
        add_leaf(f, t, i, index(~at));
        continue;
      }
      const std::size_t n = index(at);
      const bool is_set = (f.flags[n] & model::kCategorical) != 0;
      feature.push_back(features.of_node(n));
      mode.emplace_back("BRANCH_LEQ");
      threshold.push_back(is_set ? 0.5 : f.folded_threshold(n));
      missing_yes.push_back(is_set ? 0 : missing_goes_left(f, n));
      yes.push_back(static_cast<std::int64_t>(open.size()));
      no.push_back(static_cast<std::int64_t>(open.size() + 1));
      open.push_back(f.left[n]);
      open.push_back(f.right[n]);
    }
  }

  static std::int64_t missing_goes_left(const Forest& f, std::size_t n) {
    const std::uint8_t flags = f.flags[n];
    if ((flags & model::kNanIsZero) && !(flags & model::kZeroIsMissing))
      return 0 <= f.folded_threshold(n) ? 1 : 0;
    return flags & model::kDefaultLeft ? 1 : 0;
  }

  void add_leaf(const Forest& f, std::size_t t, std::size_t i, std::size_t leaf) {
    feature.push_back(0);
    mode.emplace_back("LEAF");
    threshold.push_back(0);
    missing_yes.push_back(0);
    yes.push_back(0);
    no.push_back(0);
    const std::size_t width = index(f.leaf_width);
    for (std::size_t k = 0; k < width; ++k) {
      leaf_tree.push_back(static_cast<std::int64_t>(t));
      leaf_node.push_back(static_cast<std::int64_t>(i));
      output.push_back(width > 1 ? static_cast<std::int64_t>(k) : f.tree_output[t]);
      weight.push_back(f.leaf_value[leaf * width + k]);
    }
  }

  OnnxAttributes attributes(std::int64_t n_outputs) {
    const auto tensor = [](std::vector<double>& values) {
      const auto n = static_cast<std::int64_t>(values.size());
      return OnnxTensor{{n}, std::move(values)};
    };
    return {{"n_targets", n_outputs},
            {"aggregate_function", std::string("SUM")},
            {"post_transform", std::string("NONE")},
            {"nodes_treeids", std::move(tree)},
            {"nodes_nodeids", std::move(node)},
            {"nodes_featureids", std::move(feature)},
            {"nodes_modes", std::move(mode)},
            {"nodes_values_as_tensor", tensor(threshold)},
            {"nodes_truenodeids", std::move(yes)},
            {"nodes_falsenodeids", std::move(no)},
            {"nodes_missing_value_tracks_true", std::move(missing_yes)},
            {"target_treeids", std::move(leaf_tree)},
            {"target_nodeids", std::move(leaf_node)},
            {"target_ids", std::move(output)},
            {"target_weights_as_tensor", tensor(weight)}};
  }
};

}  // namespace

void add_onnx_trees(const ExportedModel& model, const TreesOperation& trees, OnnxValues& values,
                    OnnxMath& math) {
  const Forest& f = *trees.forest;
  const auto width = static_cast<std::size_t>(f.n_outputs);
  OnnxGraph& g = math.graph();
  TreeFeatures features(model, trees);
  std::string sums;
  if (features.is_empty()) {  // leaves alone: the same for every row
    std::vector<double> always(width, 0.0);
    for (std::size_t t = 0; t < f.n_trees(); ++t)
      for (std::size_t k = 0; k < index(f.leaf_width); ++k)
        always[f.leaf_width > 1 ? k : index(f.tree_output[t])] +=
            f.leaf_value[index(~f.tree_root[t]) * index(f.leaf_width) + k];
    sums = g.node("Expand", {g.row(always), g.node("Shape", {values.any_input()})});
  } else {
    features.number();
    const std::string matrix = features.matrix(values, math);
    TreeArrays arrays;
    for (std::size_t t = 0; t < f.n_trees(); ++t) arrays.add_tree(f, t, features);
    sums = g.cast(g.ml_node("TreeEnsembleRegressor", {matrix}, arrays.attributes(f.n_outputs)),
                  OnnxType::kDouble);
  }
  values.set_range(trees.first_out, width,
                   math.add(g.row(f.base_score), math.div(sums, g.row(f.divisors()))));
}

}  // namespace kolosal::infer::exporters
