#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kolosal/infer/forest/block_program.hpp"
#include "kolosal/kernel/forest_trees.hpp"

namespace kolosal::infer {

/// What the kernel writes before it knows the leaf values. One per thread.
struct LaneScratch {
  std::vector<std::uint8_t> leaves;
  std::vector<std::uint64_t> outside;
};

/// A forest for one row: a lane of the vectors is a tree (kernel/forest_trees.hpp).
class LaneProgram {
 public:
  /// Nothing when the forest has trees of more than 256 leaves, more than kernel::kMostLaneColumns columns of
  /// bytes for numbers, or so many categories that their bits take more than 8 MB. The block program must
  /// outlive it, and stay where it is.
  static std::optional<LaneProgram> of(const model::Forest& forest, const BinnedFeatures& features,
                                       const BlockProgram& blocks);

  /// Adds leaf values to sums (n_outputs) in the order of the trees. Column c of the row has its bin at
  /// bins[c * stride].
  void add(const std::uint16_t* bins, std::size_t stride, double* sums,
           LaneScratch& scratch) const;

 private:
  struct Group {
    std::uint32_t first = 0;  ///< of nodes_
    std::uint32_t n_nodes = 0;
  };
  struct Tree {
    std::uint32_t lane = 0;  ///< place of its leaf among those of all groups
    std::uint32_t first_leaf = 0;
    std::uint32_t output = 0;
  };

  /// Which splits a category of a column goes right at: a word of outside_ per node of the groups, for each
  /// bin of the column.
  struct Categories {
    std::uint32_t column = 0;  ///< of BinnedFeatures
    std::size_t first = 0;     ///< of outside_
  };

  bool add_sets(const BinnedFeatures& features, const BlockProgram& blocks,
                const std::vector<std::uint32_t>& order);
  void find_outside(const std::uint16_t* bins, std::size_t stride, LaneScratch& scratch) const;

  std::size_t n_outputs_ = 1;
  std::size_t leaf_width_ = 1;
  std::vector<ByteColumn> columns_;  ///< of numbers
  std::vector<Categories> categories_;
  std::vector<std::uint64_t> outside_;
  std::vector<Group> groups_;
  std::vector<kernel::LaneNodes> nodes_;
  std::vector<Tree> trees_;
  std::span<const double> leaf_values_;  // the same
};

}  // namespace kolosal::infer
