#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::model {

/// How a raw sum of leaf values becomes a prediction.
enum class Link : std::uint8_t {
  kIdentity,
  kSigmoid,
  kSoftmax,
  kExp,
  kFocal  ///< The logistic of focal_log_odds(); the link's parameter is gamma.
};

/// How a missing or unseen category code and a NaN are routed.
enum NodeFlag : std::uint8_t {
  kCategorical = 1,    ///< The split is a set of category codes: in the set goes left.
  kDefaultLeft = 2,    ///< Where a missing cell goes.
  kZeroIsMissing = 4,  ///< |value| <= 1e-35 counts as missing (LightGBM's zero_as_missing).
  kNanIsZero = 8,      ///< NaN is read as 0 before the comparison (LightGBM's missing type none).
};

/// Any ensemble of trees, whoever trained it, in one packed form: flat arrays, no pointers. All predictions
/// of tree models go through here, so a model file needs none of the libraries that trained it.
///
/// A node compares a feature of the row with a threshold: value <= threshold (or value < threshold when
/// strict_less) goes left. Children >= 0 are nodes, children < 0 are leaves: ~child is the leaf's index. A
/// tree of one leaf has root = ~leaf. Nodes and leaves of all trees share one numbering, and a child comes
/// after its parent. Cost: 24 bytes a node, leaf values as double.
struct Forest {
  std::int32_t n_features = 0;
  std::int32_t n_outputs = 1;  ///< Raw sums per row: 1, or the number of classes.
  std::int32_t leaf_width =
      1;                     ///< Values per leaf: 1 (boosters) or n_outputs (random forests' class shares).
  bool strict_less = false;  ///< XGBoost: value < threshold.
  bool round_to_float = false;  ///< XGBoost: values are rounded to float32 before comparing.
  bool average = false;         ///< Divide the sums by the number of trees (of each output).
  Link link = Link::kIdentity;
  double link_parameter = 0;
  std::vector<double> base_score;  ///< n_outputs, added to the raw sums.

  std::vector<std::int32_t> tree_root;    ///< n_trees
  std::vector<std::int32_t> tree_output;  ///< n_trees: which sum the tree adds to (0 when leaf_width > 1)

  std::vector<std::int32_t> feature;          ///< n_nodes
  std::vector<double> threshold;              ///< n_nodes; for categorical nodes unused
  std::vector<std::int32_t> left;             ///< n_nodes
  std::vector<std::int32_t> right;            ///< n_nodes
  std::vector<std::uint8_t> flags;            ///< n_nodes, NodeFlag bits
  std::vector<std::int32_t> category_offset;  ///< n_nodes: first word in category_bits (categorical nodes)
  std::vector<std::int32_t> category_words;   ///< n_nodes: number of 32-bit words
  std::vector<std::uint32_t> category_bits;

  std::vector<double> leaf_value;  ///< n_leaves x leaf_width

  std::size_t n_trees() const { return tree_root.size(); }

  /// What a numeric node compares: `value <= folded_threshold(node)` goes left, also where strict_less is
  /// set. NaN where nothing goes left.
  double folded_threshold(std::size_t node) const;
  /// What each sum is divided by: the number of trees that add to it, or 1.
  std::vector<double> divisors() const;
  /// Sums of leaf values, n_rows x n_outputs row by row, to predictions, in place: average, base score, link.
  void finish(std::span<double> sums, std::span<const double> divisor) const;

  /// x: columns in feature order, any numeric or category type. out: n_rows x n_outputs, row by row, after
  /// the link (binary with sigmoid: the probability of class 1).
  void predict(const data::Frame& x, std::span<double> out, const Context& context) const;
  /// @throws Error kData when predict() could not read the columns of x.
  void check_columns(const data::Frame& x) const;
  void save(artifact::Node& node) const;
  /// @throws Error kModel when an index points outside (a damaged file can not make predict() read wild
  /// memory or loop).
  static Forest load(const artifact::Node& node);
};

}  // namespace kolosal::model
