#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// Trees over bins of one byte, for a block of rows at once: every node is compared with every row, without a
// branch. The leaves of a tree are numbered from left to right, so a node's leaves are a range, and the left
// ones come first.

/// Rows of a block. The bins of a column are kBlockRows bytes, one column after the other.
inline constexpr std::size_t kBlockRows = 256;

/// A node. Rows stand at a leaf; those that stand at `first`, where all rows that come to this node stand,
/// and whose bin is not below the limit, move on to `right`.
struct SpanNode {
  std::uint32_t bins = 0;  ///< where in the block the bins of its column begin
  std::int8_t limit = 0;   ///< bins below it go left (see narrow_bins)
  std::uint8_t first = 0;  ///< the first leaf below this node, at most 254
  std::uint8_t right = 0;  ///< the first leaf of its right side
  std::uint8_t unused = 0;
};
static_assert(sizeof(SpanNode) == 8);

/// leaves[i] of rows i < n_rows, and of some more up to kBlockRows. A node comes after those above it.
void find_leaves(const SpanNode* nodes, std::size_t n_nodes, const std::int8_t* block, std::size_t n_rows,
                 std::uint8_t* leaves);

/// sums[i] += values[leaves[i]], of n_values values.
void add_leaves(const double* values, std::size_t n_values, const std::uint8_t* leaves, std::size_t n,
                double* sums);

/// Trees of more leaves are cut into parts. Rows of part `part` take its leaves: local[i] = leaves[i] where
/// parts[i] is part.
void take_leaves(std::uint8_t part, const std::uint8_t* leaves, std::size_t n, const std::uint8_t* parts,
                 std::uint8_t* local);
/// Rows of part `part` that stand at `leaf` go on in the part `next`.
void enter_part(std::uint8_t part, std::uint8_t leaf, std::uint8_t next, const std::uint8_t* local,
                std::size_t n, std::uint8_t* parts);

/// A split by a set of categories as a column for find_leaves() with the limit 0: -128 where the set has the
/// category, which goes left, 127 where not. set: 256 bits. Up to kBlockRows values are written.
void mark_outside(const std::int8_t* categories, const std::uint8_t* set, std::size_t n_rows,
                  std::int8_t* out);

}  // namespace kolosal::kernel
