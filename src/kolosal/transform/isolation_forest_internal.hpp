#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {

struct OutlierRule;

/// Trees of random splits; a row that few splits set apart is unlike the others.
///
/// Score:   2^(-mean path length / expected path length), 0 to 1; near 0.5 for all rows: nobody stands out.
/// Missing: a missing or infinite cell goes to a side that was drawn with the split, in proportion to the
/// rows
///          of the sides.
/// Source:  Liu, Ting and Zhou (2008); scores agree with scikit-learn's -score_samples() but for the draws.
class IsolationForest {
 public:
  /// cells: columns with a value per row of the frame. Each tree has its own max_samples of the rows.
  void fit(const std::vector<Numbers>& cells, std::span<const std::uint32_t> rows, std::size_t n_trees,
           std::size_t max_samples, const Context& context);
  /// Of each of the rows; 0.5 when nothing was fitted.
  std::vector<double> scores(const std::vector<Numbers>& cells, std::span<const std::uint32_t> rows,
                             const Context& context) const;
  void save(artifact::Node& node) const;
  void load(const artifact::Node& node, std::size_t n_columns);

 private:
  struct Tree;
  double path_length(std::size_t tree, const std::vector<Numbers>& cells, std::size_t row) const;

  // Nodes of all trees: a tree is [first_[t], first_[t + 1]), its root first, children after their parents.
  std::vector<std::uint32_t> first_;
  std::vector<std::int32_t> column_;  // -1 in a leaf
  std::vector<double> threshold_;     // to the left when not above; in a leaf the path length
  std::vector<std::uint32_t> left_, right_;
  std::vector<std::uint8_t> missing_left_;
  double expected_ = 1;  // path length in a tree of as many rows
};

/// Rows with a score above it are outliers: the rule's threshold, or what leaves its contamination above.
double outlier_score_bound(std::span<const double> scores, const OutlierRule& rule);

}  // namespace kolosal::transform
