#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/model/forest.hpp"

namespace kolosal::model {

/// Leaves that are linear functions of the row, beside a Forest that routes it there: constant[leaf] plus the
/// sum over the leaf's terms of coefficient times feature. Empty when all leaves are numbers.
///
/// Missing: where a feature of the leaf is NaN, the forest's own leaf value counts instead.
/// Source:  LightGBM's linear_tree; Shi, Li and Li (2019), "Gradient boosting with piece-wise linear
///          regression trees".
struct LinearLeaves {
  std::vector<std::size_t> first;     ///< n_leaves + 1: where the terms of each leaf begin
  std::vector<std::int32_t> feature;  ///< n_terms
  std::vector<double> coefficient;    ///< n_terms
  std::vector<double> constant;       ///< n_leaves

  bool is_empty() const { return first.empty(); }

  /// The value of a leaf for a row of forest.n_features numbers.
  double value(const Forest& forest, std::size_t leaf, const double* row) const;
};

/// Which leaf a row of forest.n_features numbers falls into.
std::size_t leaf_of(const Forest& forest, std::size_t tree, const double* row);

/// As Forest::predict() for one row, with linear leaves: forest.n_features numbers in, forest.n_outputs
/// numbers out. forest.leaf_width must be 1; divisors: of the forest.
void predict_linear_leaves(const Forest& forest, const LinearLeaves& leaves, std::span<const double> divisors,
                           const double* row, std::span<double> out);

}  // namespace kolosal::model
