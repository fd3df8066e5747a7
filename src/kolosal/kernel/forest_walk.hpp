#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// Trees of any size over bins of 16 bits, walked from the root, several rows or trees at a time.

/// A node; its children are side by side. A leaf is a node that leads to itself: no bin is above kMissingBin.
struct WalkNode {
  std::uint16_t cut = 0;     ///< bins above it go right; of a split by categories: unused
  std::uint16_t column = 0;  ///< of the row; kCategoryColumn is added for a split by categories
  std::uint32_t left = 0;    ///< the right one is left + 1
};
inline constexpr std::uint16_t kCategoryColumn = 0x8000;

/// Sets of categories, for trees that have splits by them: bits of the set of node i begin at word set[i].
struct WalkSets {
  const std::uint32_t* set = nullptr;
  const std::uint32_t* bits = nullptr;
};

/// The nodes where rows (of `width` bins, one after the other) end in a tree of numbers.
void walk_rows(const WalkNode* nodes, std::uint32_t root, const std::uint16_t* rows, std::size_t width,
               std::size_t n_rows, std::uint32_t* ends);
/// The nodes where one row ends in trees of numbers.
void walk_trees(const WalkNode* nodes, const std::uint32_t* roots, std::size_t n_trees,
                const std::uint16_t* row, std::uint32_t* ends);
/// The node where a row ends in a tree that may split by categories.
std::uint32_t walk_with_sets(const WalkNode* nodes, std::uint32_t root, const std::uint16_t* row,
                             const WalkSets& sets);

}  // namespace kolosal::kernel
