#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/model/category_statistics.hpp"
#include "kolosal/model/forest.hpp"

namespace kolosal::model {

/// A sum of symmetric trees over binned numbers and levels of categories: each level of a tree has one split,
/// so the leaf of a row is a number of `depth` bits, found without a branch.
///
/// Missing: a number that is missing is in bin 0, below all others. A level (or pair) that training did not
/// hold has a bin of its own.
/// Cost:    a binary search per number and row, then `depth` comparisons of bytes per tree, by vectors of
/// rows.
struct SymmetricForest {
  std::int32_t n_columns = 0;
  std::int32_t n_outputs = 1;  ///< and values per leaf
  Link link = Link::kIdentity;
  double link_parameter = 0;
  std::vector<double> base_score;  ///< n_outputs

  std::vector<LevelIndex> indices;
  /// What splits read: the bin of a number (column >= 0) or of a level (index >= 0).
  struct Input {
    std::int32_t column = -1;
    std::int32_t index = -1;
    std::vector<double> borders;             ///< number: see bin_of()
    std::vector<std::uint8_t> bin_of_level;  ///< level: n_levels + 1
  };
  std::vector<Input> inputs;

  std::vector<std::uint8_t> tree_depth;    ///< per tree
  std::vector<std::int32_t> split_input;   ///< tree by tree, the split of bit 0 first
  std::vector<std::uint8_t> split_border;  ///< bins above it set the bit
  std::vector<double> leaf_value;          ///< tree by tree: 2^depth leaves x n_outputs

  std::size_t n_trees() const { return tree_depth.size(); }

  /// Bins of some rows, input by input.
  std::vector<std::uint8_t> bins(const data::Frame& x, std::size_t begin, std::size_t end) const;
  /// Drops the inputs that no split reads, and their indices.
  void drop_unused();

  /// out: n_rows x n_outputs, row by row, after the link.
  void predict(const data::Frame& x, std::span<double> out, const Context& context) const;
  void save(artifact::Node& node) const;
  /// @throws Error kModel when a number points outside.
  static SymmetricForest load(const artifact::Node& node, std::size_t n_columns, std::size_t n_outputs);
};

/// Scores (n_rows x n_outputs) to predictions, in place.
void apply_link(Link link, double parameter, std::size_t n_outputs, std::span<double> scores);

}  // namespace kolosal::model
