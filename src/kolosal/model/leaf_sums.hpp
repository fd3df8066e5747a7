#pragma once

#include <cstddef>

namespace kolosal::model {

/// The sum of a row's leaves is made of blocks of so many trees: the values of a block are added in the order
/// of its trees, then the sums of the blocks in theirs. All that evaluates a forest adds like this, so the
/// bytes are the same, and several blocks can be added at once: one chain of additions, each of which waits
/// for the one before, took as long as finding the leaves.
inline constexpr std::size_t kSumTrees = 64;

}  // namespace kolosal::model
