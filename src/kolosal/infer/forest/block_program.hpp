#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "kolosal/infer/forest/binned_features.hpp"
#include "kolosal/infer/forest/tree_parts.hpp"
#include "kolosal/kernel/forest_rows.hpp"

namespace kolosal::infer {

/// A column of BinnedFeatures narrowed to bytes: 255 of its cuts, and where missing goes.
struct ByteColumn {
  std::uint32_t column = 0;
  bool missing_is_low = false;
  std::uint16_t first_cut = 0;
};

/// What the kernels write before they know the leaf values. One per thread.
struct BlockScratch {
  std::vector<std::int8_t> block;  ///< bytes of the columns, then of the marks
  std::vector<std::uint8_t> leaves, parts, local;
  std::vector<double> sums;  ///< of some trees
};

/// A forest for blocks of kernel::kBlockRows rows: every node is compared with all rows of the block, without
/// branches (kernel/forest_rows.hpp). Trees of more than 256 leaves are cut into parts, and a part is left
/// out when no row of the block comes to it.
class BlockProgram {
 public:
  /// Nothing when a tree can not be cut into parts (parts_of_tree).
  static std::optional<BlockProgram> of(const model::Forest& forest, const BinnedFeatures& features,
                                        const std::vector<std::uint32_t>& n_leaves);

  /// Adds leaf values to sums (n x n_outputs, row by row; model/leaf_sums.hpp). bins: of n <= kBlockRows
  /// rows, by BinnedFeatures::bin_rows().
  void add(const BinnedFeatures& features, const std::uint16_t* bins, std::size_t n, double* sums,
           BlockScratch& scratch) const;

  // What LaneProgram reads.
  struct Part {
    std::uint32_t first_node = 0, n_nodes = 0;
    std::uint32_t first_mark = 0, n_marks = 0;
    std::uint32_t first_leaf = 0;  ///< position of exit 0 in leaf_values()
    std::uint32_t first_link = 0, n_links = 0;
  };
  struct Tree {
    std::uint32_t first_part = 0, n_parts = 0;
    std::uint32_t output = 0;
  };
  /// A split by categories, written as a column of the block before its part runs.
  struct Mark {
    std::uint32_t column = 0;  ///< of columns_; wide: of BinnedFeatures
    std::uint32_t set = 0;
    bool wide = false;  ///< more classes than a byte holds
  };
  const std::vector<Tree>& trees() const { return trees_; }
  const std::vector<Part>& parts() const { return parts_; }
  const std::vector<kernel::SpanNode>& nodes() const { return nodes_; }
  const std::vector<ByteColumn>& columns() const { return columns_; }
  const std::vector<double>& leaf_values() const { return leaf_values_; }
  /// A node whose column (SpanNode::bins / kBlockRows) is columns().size() or more has the mark of that
  /// number among those of its part.
  const std::vector<Mark>& marks() const { return marks_; }

 private:
  struct Link {
    std::uint8_t exit = 0;
    std::uint8_t part = 0;
  };
  using ColumnKey = std::tuple<std::uint32_t, bool, std::uint16_t>;

  void add_part(const model::Forest& forest, const BinnedFeatures& features, const TreePart& part);
  std::uint32_t column_of(std::uint32_t column, bool missing_is_low, std::uint16_t first_cut);
  void narrow(const std::uint16_t* bins, std::size_t n, BlockScratch& scratch) const;
  void run_part(const BinnedFeatures& features, const Part& part, const std::uint16_t* bins, std::size_t n,
                BlockScratch& scratch) const;
  void add_tree(const BinnedFeatures& features, const Tree& tree, const std::uint16_t* bins, std::size_t n,
                BlockScratch& scratch) const;
  /// Leaves of a tree of several parts: scratch.parts and scratch.local.
  void run_parts(const BinnedFeatures& features, const Tree& tree, const std::uint16_t* bins, std::size_t n,
                 BlockScratch& scratch) const;

  std::size_t n_outputs_ = 1;
  std::size_t leaf_width_ = 1;
  std::vector<Tree> trees_;
  std::vector<Part> parts_;
  std::vector<kernel::SpanNode> nodes_;
  std::vector<Mark> marks_;
  std::vector<Link> links_;
  std::vector<double> leaf_values_;
  std::vector<ByteColumn> columns_;
  std::map<ColumnKey, std::uint32_t> known_columns_;
  std::size_t most_marks_ = 0;  ///< of a part
};

}  // namespace kolosal::infer
