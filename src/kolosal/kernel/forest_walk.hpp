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

/// Rows are woven: the bins of kWalkGroup rows in a column lie together, so that the step's addresses need no
/// arithmetic. Bin c of row r of `width` bins each is at walk_place(r, width) + c * kWalkGroup.
inline constexpr std::size_t kWalkGroup = 4;
constexpr std::size_t walk_place(std::size_t row, std::size_t width) {
  return row / kWalkGroup * kWalkGroup * width + row % kWalkGroup;
}
/// Rows that walk together: rows and ends have room for a multiple of so many.
inline constexpr std::size_t kWalkRows = 8;

/// Sets of categories, for trees that have splits by them: bits of the set of node i begin at word set[i].
struct WalkSets {
  const std::uint32_t* set = nullptr;
  const std::uint32_t* bits = nullptr;
};

/// Puts the bins of a column of n rows where `cells` has that of the first one, at the beginning of a group;
/// missing is 0 or kMissingBin.
void spread_bins(const std::uint16_t* bins, std::size_t n, bool missing_is_low, std::uint16_t* cells,
                 std::size_t width);

/// The nodes where woven rows end in a tree of numbers. n_levels: no way from the root to a leaf has more
/// steps.
void walk_rows(const WalkNode* nodes, std::uint32_t root, std::uint32_t n_levels, const std::uint16_t* rows,
               std::size_t width, std::size_t n_rows, std::uint32_t* ends);
/// The nodes where one row (from its walk_place on) ends in trees of numbers, of at most n_levels levels.
void walk_trees(const WalkNode* nodes, const std::uint32_t* roots, std::size_t n_trees,
                std::uint32_t n_levels, const std::uint16_t* row, std::uint32_t* ends);
/// The node where a row ends in a tree that may split by categories.
std::uint32_t walk_with_sets(const WalkNode* nodes, std::uint32_t root, const std::uint16_t* row,
                             const WalkSets& sets);

}  // namespace kolosal::kernel
