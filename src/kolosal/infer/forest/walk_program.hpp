#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kolosal/infer/forest/binned_features.hpp"
#include "kolosal/kernel/forest_walk.hpp"
#include "kolosal/model/forest.hpp"

namespace kolosal::infer {

/// What the walks write on the way. One per thread.
struct WalkScratch {
  std::vector<std::uint16_t> rows;
  std::vector<std::uint32_t> ends;
  std::vector<double> sums;  ///< of some trees
};

/// A forest of trees of any size, walked from the root: several rows at once in one tree, or several trees
/// at once for one row (kernel/forest_walk.hpp).
class WalkProgram {
 public:
  /// Nothing when there are too many columns. The forest must outlive it.
  static std::optional<WalkProgram> of(const model::Forest& forest, const BinnedFeatures& features);

  /// How many rows should walk a tree before the next one begins, a multiple of kernel::kMostBinned: the
  /// more, the less often its nodes come from memory, as long as the rows stay in a near cache.
  std::size_t rows_together() const;

  /// Puts n rows behind the first `at` ones of the scratch. Column c of row r has its bin at bins[c * stride
  /// + r].
  void gather(const std::uint16_t* bins, std::size_t stride, std::size_t n, std::size_t at,
              WalkScratch& scratch) const;
  /// Adds the leaf values of the first n gathered rows to sums (n x n_outputs, row by row;
  /// model/leaf_sums.hpp).
  void add_gathered(const BinnedFeatures& features, std::size_t n, double* sums, WalkScratch& scratch) const;
  /// The same, row after row, of bins as gather() takes them.
  void add_trees(const BinnedFeatures& features, const std::uint16_t* bins, std::size_t stride, std::size_t n,
                 double* sums, WalkScratch& scratch) const;

 private:
  struct Column {
    std::uint32_t column = 0;  ///< of BinnedFeatures
    bool missing_is_low = false;
  };

  void add_tree(const model::Forest& forest, const BinnedFeatures& features, std::int32_t root);
  std::uint16_t column_of(std::uint32_t column, bool missing_is_low);
  /// Of a gathered row.
  std::size_t width() const { return columns_.empty() ? 1 : columns_.size(); }
  /// Of a gathered row.
  const std::uint16_t* cells_of(std::size_t row, const WalkScratch& scratch) const {
    return scratch.rows.data() + kernel::walk_place(row, width());
  }
  void add_leaf(std::size_t tree, std::uint32_t end, double* sums) const;
  /// Adds the sums of a block of trees, if `tree` is its last, and begins the next one.
  void end_block(std::size_t tree, double* sums, WalkScratch& scratch) const;

  std::size_t n_outputs_ = 1;
  std::size_t leaf_width_ = 1;
  std::vector<Column> columns_;
  std::vector<std::uint16_t> column_numbers_;  ///< of {column, missing_is_low}; while it is made
  std::vector<kernel::WalkNode> nodes_;
  std::vector<std::uint32_t> set_of_node_;   ///< empty without categories
  std::vector<double> node_values_;          ///< of leaves, where a leaf has one value
  std::vector<std::uint32_t> leaf_of_node_;  ///< else, of leaves: position in leaf_values_
  std::vector<std::uint32_t> roots_;
  std::vector<std::uint32_t> n_levels_;  ///< of each tree
  std::uint32_t most_levels_ = 0;
  std::vector<std::uint32_t> outputs_;
  std::vector<std::uint8_t> has_categories_;  ///< per tree
  bool any_categories_ = false;
  std::span<const double> leaf_values_;  ///< of the forest
};

}  // namespace kolosal::infer
