#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal::transform {

struct RegressionForestOptions {
  std::size_t n_trees = 1;
  bool bootstrap = false;      ///< Each tree is fitted on as many rows as there are, drawn with repeats.
  bool random_splits = false;  ///< One random threshold per feature, and not the best one.
  double max_features = 1;     ///< Part of the features that a split may choose from, drawn for each split.
  std::size_t min_leaf = 1;    ///< Fewest fitted rows in a leaf.
  bool keep_donors = false;    ///< Leaves keep the targets of their rows, for draw().
};

/// Regression trees (CART) for use within steps: splits that lower the sum of squares most.
///
/// Missing: there is none in the features, nor in the target.
/// Source:  Breiman et al. (1984); bootstrap: Breiman (2001); random_splits: Geurts, Ernst and Wehenkel
///          (2006). One tree of all rows and features agrees with scikit-learn's DecisionTreeRegressor where
///          no two splits are equally good (here the first feature has it).
/// Cost:    fit: rows x features x depth per tree, and 4 bytes per row and feature for each tree in work
/// unless
///          splits are random; state: 16 bytes per node, and 8 per row and tree with donors.
/// Threads: one task per tree; the trees depend on the data and the seed alone.
class RegressionForest {
 public:
  /// features: columns with a number for each of the rows; y: the same. No row: no tree.
  void fit(const std::vector<std::vector<double>>& features, const std::vector<double>& y,
           const RegressionForestOptions& options, std::uint64_t seed, const Context& context);
  bool empty() const { return first_.size() < 2; }
  bool has_donors() const { return !n_donors_.empty(); }
  /// The mean over the trees.
  double predict(std::span<const double> x) const;
  /// The target of a random fitted row in the leaf of a random tree (Doove, van Buuren and Dusseldorp 2014).
  double draw(std::span<const double> x, Rng& rng) const;

  void save(artifact::Node& node) const;
  /// @throws Error kModel when the trees could not be walked with so many features.
  void load(const artifact::Node& node, std::size_t n_features);

 private:
  struct Tree;
  std::size_t leaf_of(std::size_t tree, std::span<const double> x) const;

  // Nodes of all trees: a tree is [first_[t], first_[t + 1]), its root first, children after their parents.
  std::vector<std::uint32_t> first_;
  std::vector<std::int32_t> feature_;  // -1 in a leaf
  std::vector<double> threshold_;      // to the left when not above; in a leaf the mean of the targets
  std::vector<std::uint32_t> left_;    // the right child follows; in a leaf the first of its donors
  std::vector<std::uint32_t> n_donors_;
  std::vector<double> donors_;
};

}  // namespace kolosal::transform
