#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/importers/onnx_native.hpp"

namespace kolosal::infer {
namespace {

using model::Forest;

constexpr std::size_t kMostLeafValues = std::size_t{1} << 28;

[[noreturn]] void damaged(std::string_view what) {
  throw Error(ErrorCode::kModel, "the trees of an ONNX model are damaged: {}", what);
}

/// A list of numbers that is an attribute, or a tensor where it needs more digits.
std::vector<double> number_list(const OnnxNode& node, const std::string& name) {
  if (const OnnxAttribute* const tensor = node.find(name + "_as_tensor"); tensor && tensor->tensor)
    return tensor->tensor->numbers;
  const auto& values = node.numbers(name);
  return {values.begin(), values.end()};
}

/// The nodes of all trees as the file lists them.
struct NodeLists {
  explicit NodeLists(const OnnxNode& node)
      : tree(node.integers("nodes_treeids")),
        id(node.integers("nodes_nodeids")),
        feature(node.integers("nodes_featureids")),
        when_true(node.integers("nodes_truenodeids")),
        when_false(node.integers("nodes_falsenodeids")),
        missing_true(node.integers("nodes_missing_value_tracks_true")),
        mode(node.texts("nodes_modes")),
        threshold(number_list(node, "nodes_values")) {
    const std::size_t n = tree.size();
    const bool is_good = n > 0 && id.size() == n && feature.size() == n && when_true.size() == n &&
                         when_false.size() == n && mode.size() == n && threshold.size() == n &&
                         (missing_true.empty() || missing_true.size() == n);
    if (!is_good) damaged("its lists of nodes differ in length");
    for (std::size_t i = 0; i < n; ++i)
      if (!place.try_emplace(std::pair(tree[i], id[i]), i).second)
        damaged(fmt::format("tree {} has two nodes {}", tree[i], id[i]));
  }

  std::size_t size() const { return tree.size(); }
  std::size_t at(std::int64_t tree_id, std::int64_t node_id) const {
    const auto found = place.find(std::pair(tree_id, node_id));
    if (found == place.end()) damaged(fmt::format("tree {} has no node {}", tree_id, node_id));
    return found->second;
  }

  const std::vector<std::int64_t>&tree, &id, &feature, &when_true, &when_false, &missing_true;
  const std::vector<std::string>& mode;
  std::vector<double> threshold;
  std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> place;
};

/// How a node compares, as "goes left when".
struct Comparison {
  bool is_known = true;
  bool is_swapped = false;  // the true branch is our right one
  bool is_strict = false;   // the threshold itself goes right
};

Comparison comparison_of(const std::string& mode) {
  if (mode == "BRANCH_LEQ") return {};
  if (mode == "BRANCH_LT") return {.is_strict = true};
  if (mode == "BRANCH_GT") return {.is_swapped = true};
  if (mode == "BRANCH_GTE") return {.is_swapped = true, .is_strict = true};
  return {.is_known = false};
}

class TreeBuilder {
 public:
  TreeBuilder(const NodeLists& nodes, bool is_float32, std::size_t n_sums)
      : nodes_(nodes), is_float32_(is_float32), n_sums_(n_sums), leaf_of_(nodes.size(), -1) {
    forest.round_to_float = is_float32;
    forest.n_outputs = static_cast<std::int32_t>(n_sums);
    forest.leaf_width = forest.n_outputs;
    forest.base_score.assign(n_sums, 0.0);
  }

  void add_trees() {
    std::vector<bool> is_child(nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_.mode[i] == "LEAF") continue;
      is_child[nodes_.at(nodes_.tree[i], nodes_.when_true[i])] = true;
      is_child[nodes_.at(nodes_.tree[i], nodes_.when_false[i])] = true;
    }
    std::unordered_map<std::int64_t, bool> has_root;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (is_child[i]) continue;
      if (!has_root.try_emplace(nodes_.tree[i], true).second)
        damaged(fmt::format("tree {} has two roots", nodes_.tree[i]));
      add_tree(i);
    }
    if (n_added_ != nodes_.size()) damaged("some nodes are in no tree");
  }

  /// The leaf of a node; -1 when it is none.
  std::int32_t leaf(std::size_t node) const { return leaf_of_[node]; }

  Forest forest;
  std::vector<std::size_t> tree_of_leaf;

 private:
  struct Open {
    std::size_t node;
    std::int32_t parent;  // in the forest; -1: none
    bool is_left;
  };

  void add_tree(std::size_t root) {
    std::vector<Open> open{{root, -1, false}};
    const std::size_t tree = forest.tree_root.size();
    forest.tree_root.push_back(0);
    forest.tree_output.push_back(0);
    while (!open.empty()) {
      const Open next = open.back();
      open.pop_back();
      if (++n_added_ > nodes_.size()) damaged("a node has two parents");
      const std::int32_t index =
          nodes_.mode[next.node] == "LEAF" ? add_leaf(next.node) : add_node(next.node, open);
      if (next.parent < 0)
        forest.tree_root[tree] = index;
      else
        (next.is_left ? forest.left : forest.right)[static_cast<std::size_t>(next.parent)] = index;
    }
  }

  std::int32_t add_leaf(std::size_t node) {
    const std::size_t leaf = forest.leaf_value.size() / n_sums_;
    if (forest.leaf_value.size() + n_sums_ > kMostLeafValues) damaged("more leaf values than can be held");
    forest.leaf_value.resize(forest.leaf_value.size() + n_sums_, 0.0);
    leaf_of_[node] = static_cast<std::int32_t>(leaf);
    tree_of_leaf.push_back(forest.tree_root.size() - 1);
    return ~leaf_of_[node];
  }

  std::int32_t add_node(std::size_t node, std::vector<Open>& open) {
    const Comparison comparison = comparison_of(nodes_.mode[node]);
    const auto at = static_cast<std::int32_t>(forest.feature.size());
    const std::int64_t feature = nodes_.feature[node];
    if (feature < 0 || feature >= (1 << 20)) damaged(fmt::format("a node reads column {}", feature));
    forest.feature.push_back(static_cast<std::int32_t>(feature));
    forest.threshold.push_back(comparison.is_strict ? below(nodes_.threshold[node]) : nodes_.threshold[node]);
    forest.left.push_back(0);
    forest.right.push_back(0);
    forest.category_offset.push_back(0);
    forest.category_words.push_back(0);
    // A comparison with NaN is false, unless NaN is said to follow the true branch.
    const bool missing_true = !nodes_.missing_true.empty() && nodes_.missing_true[node] != 0;
    const bool default_left = missing_true != comparison.is_swapped;
    forest.flags.push_back(static_cast<std::uint8_t>(default_left ? model::kDefaultLeft : 0));
    std::size_t left = nodes_.at(nodes_.tree[node], nodes_.when_true[node]),
                right = nodes_.at(nodes_.tree[node], nodes_.when_false[node]);
    if (comparison.is_swapped) std::swap(left, right);
    open.push_back({right, at, false});
    open.push_back({left, at, true});
    return at;
  }

  /// The largest number below a threshold.
  double below(double threshold) const {
    if (!is_float32_) return std::nextafter(threshold, -std::numeric_limits<double>::infinity());
    const auto rounded = static_cast<float>(threshold);
    if (static_cast<double>(rounded) < threshold) return static_cast<double>(rounded);
    return static_cast<double>(std::nextafter(rounded, -std::numeric_limits<float>::infinity()));
  }

  const NodeLists& nodes_;
  bool is_float32_;
  std::size_t n_sums_;
  std::vector<std::int32_t> leaf_of_;
  std::size_t n_added_ = 0;
};

/// The values that leaves add to the sums.
struct LeafLists {
  LeafLists(const OnnxNode& node, const std::string& kind)
      : tree(node.integers(kind + "_treeids")),
        id(node.integers(kind + "_nodeids")),
        sum(node.integers(kind + "_ids")),
        weight(number_list(node, kind + "_weights")) {
    const std::size_t n = tree.size();
    if (n == 0 || id.size() != n || sum.size() != n || weight.size() != n)
      damaged("its lists of leaf values differ in length");
  }
  const std::vector<std::int64_t>&tree, &id, &sum;
  std::vector<double> weight;
};

void add_leaf_values(const NodeLists& nodes, const LeafLists& leaves, TreeBuilder& builder,
                     std::size_t n_sums, double share) {
  for (std::size_t i = 0; i < leaves.tree.size(); ++i) {
    const std::int32_t leaf = builder.leaf(nodes.at(leaves.tree[i], leaves.id[i]));
    if (leaf < 0) damaged(fmt::format("node {} of tree {} is no leaf", leaves.id[i], leaves.tree[i]));
    if (leaves.sum[i] < 0 || static_cast<std::size_t>(leaves.sum[i]) >= n_sums)
      damaged(fmt::format("a leaf adds to number {} of {}", leaves.sum[i], n_sums));
    builder.forest
        .leaf_value[static_cast<std::size_t>(leaf) * n_sums + static_cast<std::size_t>(leaves.sum[i])] +=
        leaves.weight[i] * share;
  }
}

/// Keeps the second of two sums.
void keep_second_sum(Forest& forest) {
  for (std::size_t leaf = 0; 2 * leaf < forest.leaf_value.size(); ++leaf)
    forest.leaf_value[leaf] = forest.leaf_value[2 * leaf + 1];
  forest.leaf_value.resize(forest.leaf_value.size() / 2);
  forest.base_score = {forest.base_score[1]};
  forest.n_outputs = forest.leaf_width = 1;
}

/// Whether the two sums of every row are shares: each leaf's add to the same number, and all to 1.
bool are_two_shares(const Forest& forest) {
  const double per_tree = 1.0 / static_cast<double>(forest.n_trees());
  for (std::size_t at = 0; at < forest.leaf_value.size(); at += 2)
    if (std::abs(forest.leaf_value[at] + forest.leaf_value[at + 1] - per_tree) > 1e-5 * per_tree)
      return false;
  return forest.base_score[0] == 0 && forest.base_score[1] == 0;
}

/// Two classes. The sums may be of one class alone, and then mean different things by their signs: as ONNX
/// Runtime has it, of positive values alone the sum is the probability of the second class; else it is a
/// score that is above 0 for it.
bool settle_two_classes(const LeafLists& leaves, std::size_t n_base_values, OnnxCore& core,
                        std::string& reason) {
  Forest& forest = core.forest;
  const bool is_one_sum =
      std::ranges::all_of(leaves.sum, [&](std::int64_t s) { return s == leaves.sum.front(); });
  if (!is_one_sum) {
    if (core.posts.empty() && !are_two_shares(forest)) {
      reason = "the two scores of its trees are no shares";
      return false;
    }
    if (core.posts.empty()) keep_second_sum(forest);
    return true;
  }
  const bool all_positive = std::ranges::all_of(leaves.weight, [](double w) { return w >= 0; });
  const bool is_logistic = core.posts == std::vector{PostTransform::kSigmoid};
  if (all_positive ? !core.posts.empty() : !is_logistic) {
    reason = "the one score of its trees is of a kind that is not known here";
    return false;
  }
  if (leaves.sum.front() == 0)  // the values are listed under the first class, and mean the second
    for (std::size_t at = 0; at < forest.leaf_value.size(); at += 2)
      forest.leaf_value[at + 1] = forest.leaf_value[at];
  if (n_base_values == 1) forest.base_score[1] = forest.base_score[0];
  keep_second_sum(forest);
  return true;
}

/// One value a leaf where every tree adds to one sum alone, as those of boosters do: the kernels are fastest
/// with these.
void narrow_leaves(std::span<const std::size_t> tree_of_leaf, Forest& forest) {
  const auto width = static_cast<std::size_t>(forest.leaf_width);
  std::vector<std::int32_t> sum_of_tree(forest.n_trees(), -1);
  for (std::size_t at = 0; at < forest.leaf_value.size(); ++at) {
    if (forest.leaf_value[at] == 0) continue;
    std::int32_t& sum = sum_of_tree[tree_of_leaf[at / width]];
    const auto this_sum = static_cast<std::int32_t>(at % width);
    if (sum >= 0 && sum != this_sum) return;
    sum = this_sum;
  }
  for (std::int32_t& sum : sum_of_tree) sum = std::max(sum, 0);
  for (std::size_t leaf = 0; leaf < tree_of_leaf.size(); ++leaf)
    forest.leaf_value[leaf] =
        forest.leaf_value[leaf * width + static_cast<std::size_t>(sum_of_tree[tree_of_leaf[leaf]])];
  forest.leaf_value.resize(tree_of_leaf.size());
  forest.leaf_width = 1;
  forest.tree_output = std::move(sum_of_tree);
}

/// One post transform that a forest's link does is left to it.
void use_link(OnnxCore& core) {
  if (core.posts.size() != 1) return;
  const auto n = core.forest.n_outputs;
  if (core.posts[0] == PostTransform::kSigmoid && (n == 1 || core.classes.size() > 2))
    core.forest.link = model::Link::kSigmoid;
  else if (core.posts[0] == PostTransform::kSoftmax && core.classes.size() > 2)
    core.forest.link = model::Link::kSoftmax;
  else
    return;
  core.posts.clear();
}

}  // namespace

std::vector<std::string> class_labels(const OnnxNode& node) {
  for (const char* name : {"classlabels_strings", "classlabels_string"})
    if (!node.texts(name).empty()) return node.texts(name);
  for (const char* name : {"classlabels_int64s", "classlabels_ints"})
    if (!node.integers(name).empty()) {
      std::vector<std::string> out;
      for (const std::int64_t label : node.integers(name)) out.push_back(std::to_string(label));
      return out;
    }
  return {};
}

std::optional<std::vector<PostTransform>> post_transform_of(const OnnxNode& node) {
  const std::string name = node.text("post_transform", "NONE");
  if (name == "NONE") return std::vector<PostTransform>();
  if (name == "LOGISTIC") return std::vector{PostTransform::kSigmoid};
  if (name == "SOFTMAX") return std::vector{PostTransform::kSoftmax};
  if (name == "SOFTMAX_ZERO") return std::vector{PostTransform::kSoftmaxZero};
  if (name == "PROBIT") return std::vector{PostTransform::kProbit};
  return std::nullopt;
}

std::unique_ptr<OnnxCore> tree_core(const OnnxNode& node, std::size_t n_columns, bool is_float32,
                                    std::string& reason) {
  auto core = std::make_unique<OnnxCore>();
  core->is_classifier = node.op == "TreeEnsembleClassifier";
  const auto posts = post_transform_of(node);
  const std::string aggregate = node.text("aggregate_function", "SUM");
  const auto& modes = node.texts("nodes_modes");
  const auto strange = std::ranges::find_if(
      modes, [](const std::string& m) { return m != "LEAF" && !comparison_of(m).is_known; });
  if (!posts || (aggregate != "SUM" && aggregate != "AVERAGE") || strange != modes.end()) {
    reason = !posts                   ? "post_transform " + node.text("post_transform", "")
             : strange != modes.end() ? "a tree's node compares by " + *strange
                                      : "its trees are joined by " + aggregate;
    return nullptr;
  }
  core->posts = *posts;
  if (core->is_classifier) core->classes = class_labels(node);
  const std::int64_t n_targets = node.integer("n_targets", 1);
  core->n_sums = core->is_classifier ? core->classes.size()
                                     : static_cast<std::size_t>(std::max<std::int64_t>(n_targets, 0));
  if (core->is_classifier ? core->n_sums < 2 : n_targets != 1) {
    reason = fmt::format("its trees give {} numbers", core->n_sums);
    return nullptr;
  }

  const NodeLists nodes(node);
  const LeafLists leaves(node, core->is_classifier ? "class" : "target");
  TreeBuilder builder(nodes, is_float32, core->n_sums);
  builder.add_trees();
  add_leaf_values(nodes, leaves, builder, core->n_sums,
                  aggregate == "AVERAGE" ? 1.0 / static_cast<double>(builder.forest.n_trees()) : 1.0);
  core->forest = std::move(builder.forest);
  const std::vector<double> base = number_list(node, "base_values");
  if (base.size() > core->n_sums) damaged("it has more base values than sums");
  std::ranges::copy(base, core->forest.base_score.begin());
  std::int32_t last = -1;
  for (const std::int32_t feature : core->forest.feature) last = std::max(last, feature);
  core->forest.n_features = n_columns > 0 ? static_cast<std::int32_t>(n_columns) : last + 1;
  if (core->forest.n_features == 0) {
    reason = "its trees read no column";
    return nullptr;
  }
  if (last >= core->forest.n_features)
    damaged(fmt::format("a node reads column {} of {}", last, core->forest.n_features));
  if (core->classes.size() == 2 && !settle_two_classes(leaves, base.size(), *core, reason)) return nullptr;
  core->n_sums = static_cast<std::size_t>(core->forest.n_outputs);
  if (core->n_sums > 1) narrow_leaves(builder.tree_of_leaf, core->forest);
  use_link(*core);
  return core;
}

}  // namespace kolosal::infer
