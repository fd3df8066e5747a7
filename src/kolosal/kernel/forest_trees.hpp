#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// Many trees over the bins of one row at once, by the same steps as forest_rows.hpp: a lane is a tree.

/// Trees of a group.
inline constexpr std::size_t kLaneTrees = 64;
/// Most columns of bins that a row may have: they are looked up in registers.
inline constexpr std::size_t kMostLaneColumns = 256;

/// One node of each tree of a group, in an order in which a node comes after those above it. A tree with
/// fewer nodes has cut 127, which no bin is above.
struct LaneNodes {
  std::uint8_t column[kLaneTrees];
  std::int8_t cut[kLaneTrees];
  std::uint8_t first[kLaneTrees];
  std::uint8_t right[kLaneTrees];
};

/// The same for trees of at most kSmallLeaves leaves: a quarter less to read, which is what they wait for.
struct SmallLaneNodes {
  std::uint8_t column[kLaneTrees];
  std::int8_t cut[kLaneTrees];
  std::uint8_t ends[kLaneTrees];  ///< first, and 16 times right
};
inline constexpr std::size_t kSmallLeaves = 16;

/// leaves[i] of tree i < n_groups * kLaneTrees of a row of `n_columns` bins (see narrow_bins),
/// kMostLaneColumns bytes long. nodes: n_nodes of each group, one group after the other. outside: for each of
/// them a bit per tree, where the node is a split by a set of categories (its cut is then 127) and the row
/// goes right, and a word more; null without such.
void find_lane_leaves(const LaneNodes* nodes, std::size_t n_nodes, std::size_t n_groups,
                      const std::int8_t* row, std::size_t n_columns, const std::uint64_t* outside,
                      std::uint8_t* leaves);
void find_lane_leaves(const SmallLaneNodes* nodes, std::size_t n_nodes, std::size_t n_groups,
                      const std::int8_t* row, std::size_t n_columns, const std::uint64_t* outside,
                      std::uint8_t* leaves);

/// Sums of leaf values that sum_leaf_blocks() makes side by side.
inline constexpr std::size_t kLeafBlocks = 8;
/// sums[b] = values[first[b] + leaves[b]] + values[first[b + kLeafBlocks] + leaves[b + kLeafBlocks]] + ..., n
/// values in this order, for b < kLeafBlocks.
void sum_leaf_blocks(const float* values, const std::uint32_t* first, const std::uint8_t* leaves,
                     std::size_t n, double* sums);
void sum_leaf_blocks(const double* values, const std::uint32_t* first, const std::uint8_t* leaves,
                     std::size_t n, double* sums);

/// Words of merge_bits() that go together.
inline constexpr std::size_t kMergedWords = 16;
/// out[i] = lists[0][i] | lists[1][i] | ..., i < n, a multiple of kMergedWords.
void merge_bits(const std::uint64_t* const* lists, std::size_t n_lists, std::size_t n, std::uint64_t* out);

/// One level of each tree of a group of symmetric trees: all nodes of a level have the same split. A tree
/// without this level has cut 127.
struct LaneLevel {
  std::uint8_t column[kLaneTrees];
  std::int8_t cut[kLaneTrees];
};

/// leaves[i] of tree i < kLaneTrees: bit l is set where the bin of the column of level l is above its cut.
/// n_levels: at most 8. row: as in find_lane_leaves().
void find_symmetric_leaves(const LaneLevel* levels, std::size_t n_levels, const std::int8_t* row,
                           std::size_t n_columns, std::uint8_t* leaves);

}  // namespace kolosal::kernel
