#pragma once

#include <cstdint>
#include <vector>

#include "kolosal/model/forest.hpp"

namespace kolosal::infer {

/// A piece of a tree of at most 256 exits, numbered from left to right. An exit is a leaf or the way into a
/// later part.
struct TreePart {
  struct Node {
    std::uint32_t node = 0;  ///< of the forest
    std::uint8_t first = 0;  ///< the first exit below it
    std::uint8_t right = 0;  ///< the first exit of its right side
  };
  std::vector<Node> nodes;  ///< parents first
  struct Exit {
    std::int32_t leaf = -1;  ///< of the forest; -1: a part
    std::uint32_t part = 0;  ///< number in the tree
  };
  std::vector<Exit> exits;
};

/// Leaves below each node. Empty when a node has two parents: then the forest is none of trees.
std::vector<std::uint32_t> leaves_below(const model::Forest& forest);

/// A tree as parts, the root's first and a part after the one that leads to it. Nothing when there would be
/// more than 256 parts or one of more than 256 exits.
std::vector<TreePart> parts_of_tree(const model::Forest& forest, std::size_t tree,
                                    const std::vector<std::uint32_t>& n_leaves);

}  // namespace kolosal::infer
