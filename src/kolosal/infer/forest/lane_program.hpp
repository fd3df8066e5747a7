#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "kolosal/infer/forest/block_program.hpp"
#include "kolosal/kernel/forest_trees.hpp"

namespace kolosal::infer {

/// What LaneProgram writes on the way. One per thread.
struct LaneScratch {
  std::vector<std::uint8_t> leaves;  ///< by lane of all groups
  std::vector<std::uint64_t> outside;
  std::vector<double> sums;  ///< of some trees
};

/// A forest for one row: a lane of the vectors is a tree (kernel/forest_trees.hpp).
///
/// Splits by sets of categories: few different sets are columns of bytes, which tell whether the row's
/// category is outside. Where there are more, for every category there is a list, made beforehand, of the
/// trees that go right at each node of every group; a row merges one list for each of its category columns.
class LaneProgram {
 public:
  /// Nothing when the forest has trees of more than 256 leaves, more than kernel::kMostLaneColumns columns of
  /// bytes, or so many categories that the lists would take more than 16 MiB. The block program must outlive
  /// it, and stay where it is.
  static std::optional<LaneProgram> of(const model::Forest& forest, const BinnedFeatures& features,
                                       const BlockProgram& blocks);

  /// Adds leaf values to sums (n_outputs; model/leaf_sums.hpp). Column c of the row has its bin at
  /// bins[c * stride].
  void add(const std::uint16_t* bins, std::size_t stride, double* sums, LaneScratch& scratch) const;

 private:
  /// Groups side by side, of as many nodes.
  struct Group {
    bool is_small = false;
    std::uint32_t first = 0;    ///< of nodes_, or of small_nodes_
    std::uint32_t n_nodes = 0;  ///< of each
    std::uint32_t n_groups = 1;
    std::uint32_t first_word = 0;  ///< of a list of categories
  };
  struct Tree {
    std::uint32_t lane = 0;  ///< among those of all groups
    std::uint32_t first_leaf = 0;
  };
  /// A set of categories as a column of bytes: by bin, whether it is outside.
  struct ByteSet {
    std::uint32_t column = 0;  ///< of BinnedFeatures
    std::vector<std::int8_t> bytes;
    auto operator<=>(const ByteSet&) const = default;
  };
  /// A column of categories: n_words_ words in outside_ for each of its bins, one for each node of a group.
  struct SetColumn {
    std::uint32_t column = 0;  ///< of BinnedFeatures
    std::uint32_t first = 0;
  };

  LaneProgram(const model::Forest& forest, const BlockProgram& blocks);
  static ByteSet byte_set(const BinnedFeatures& features, std::uint32_t column, const std::uint32_t* set);
  /// Numbers the columns of bytes. False when there are too many.
  bool find_columns(const BinnedFeatures& features, const BlockProgram& blocks);
  /// The trees by lane. Of few sizes: so that the first n_woven_ are summed by kernel::sum_leaf_blocks().
  std::vector<std::uint32_t> order_trees(const BlockProgram& blocks);
  /// Makes room for all groups; order: of the trees.
  void add_groups(const BlockProgram& blocks, const std::vector<std::uint32_t>& order);
  /// False when there are too many categories.
  bool add_tree(const BinnedFeatures& features, const BlockProgram& blocks, const BlockProgram::Part& part,
                const Group& group, std::size_t lane);
  /// word: of a list.
  bool add_set(const BinnedFeatures& features, std::uint32_t column, const std::uint32_t* set,
               std::size_t word, std::size_t lane);
  template <typename T>
  void add_leaves(const T* values, double* sums, LaneScratch& scratch) const;
  void find_leaves(const std::uint16_t* bins, std::size_t stride, LaneScratch& scratch) const;

  std::size_t n_outputs_ = 1;
  std::size_t leaf_width_ = 1;
  std::vector<ByteColumn> columns_;
  std::vector<ByteSet> byte_sets_;             ///< behind columns_; none: there are lists
  std::vector<std::int32_t> known_columns_;    ///< by column of the block program; while it is made
  std::map<ByteSet, std::size_t> known_sets_;  ///< their numbers; while it is made
  std::vector<Group> groups_;
  std::vector<kernel::LaneNodes> nodes_;
  std::vector<kernel::SmallLaneNodes> small_nodes_;
  std::vector<SetColumn> set_columns_;
  std::vector<std::uint64_t> outside_;
  std::size_t n_words_ = 0;
  std::vector<Tree> trees_;
  std::size_t n_woven_ = 0;                ///< trees, a multiple of kernel::kLeafBlocks blocks
  std::vector<std::uint32_t> first_leaf_;  ///< of the trees of the first n_woven_ lanes
  std::vector<std::uint32_t> outputs_;     ///< by tree
  std::span<const double> leaf_values_;    ///< of the block program
  std::vector<float> float_values_;        ///< the same, where floats hold all of them: half as much to read
};

}  // namespace kolosal::infer
