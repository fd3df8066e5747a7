#pragma once

#include <algorithm>
#include <cstddef>

namespace kolosal::model {

/// The sum of a row's leaves is made of blocks of so many trees: the values of a block are added in the order
/// of its trees, then the sums of the blocks in theirs. All that evaluates a forest adds like this, so the
/// bytes are the same, and several blocks can be added at once: one chain of additions, each of which waits
/// for the one before, took as long as finding the leaves.
inline constexpr std::size_t kSumTrees = 64;

/// Adds the blocks of value(tree) for trees t, t + 1, ... n_trees - 1 to sum, four of them at once. t: the
/// first one of a block.
template <typename Value>
void add_leaf_blocks(std::size_t t, std::size_t n_trees, Value value, double& sum) {
  constexpr std::size_t kBlocks = 4;
  for (; t + kBlocks * kSumTrees <= n_trees; t += kBlocks * kSumTrees) {
    double block[kBlocks] = {};
    for (std::size_t i = t; i < t + kSumTrees; ++i)
#pragma GCC unroll 4
      for (std::size_t b = 0; b < kBlocks; ++b) block[b] += value(i + b * kSumTrees);
    for (const double part : block) sum += part;
  }
  while (t < n_trees) {
    double block = 0;
    for (const std::size_t end = std::min(t + kSumTrees, n_trees); t < end; ++t) block += value(t);
    sum += block;
  }
}

}  // namespace kolosal::model
