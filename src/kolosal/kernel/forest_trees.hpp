#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// Many trees over the bins of one row at once, by the same steps as forest_rows.hpp: a lane is a tree.

/// Trees of a group.
inline constexpr std::size_t kLaneTrees = 64;
/// Most columns of bins that a row may have: they are looked up in registers.
inline constexpr std::size_t kMostLaneColumns = 64;

/// One node of each tree of a group, in an order in which a node comes after those above it. A tree with
/// fewer nodes has cut 127, which no bin is above.
struct LaneNodes {
  std::uint8_t column[kLaneTrees];
  std::int8_t cut[kLaneTrees];
  std::uint8_t first[kLaneTrees];
  std::uint8_t right[kLaneTrees];
};

/// leaves[i] of tree i < kLaneTrees of a row of `n_columns` bins (see narrow_bins), kMostLaneColumns bytes
/// long.
///
/// outside: null, or for each node a bit per tree: set where the node is a split by categories whose set does
/// not have the row's, so that it goes right; such a node has cut 127. A word more than n_nodes is read.
void find_lane_leaves(const LaneNodes* nodes, std::size_t n_nodes, const std::int8_t* row,
                      std::size_t n_columns, const std::uint64_t* outside, std::uint8_t* leaves);

}  // namespace kolosal::kernel
