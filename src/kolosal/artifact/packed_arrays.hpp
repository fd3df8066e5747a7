#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kolosal/artifact/container.hpp"
#include "kolosal/artifact/node.hpp"

namespace kolosal::artifact {

/// Version of a node block some of whose arrays are packed: in the place of such an array there is a child
/// that begins with the text kPackedName (what it is packed as), then "type" and "n" of the array that it
/// stands for:
///
///   narrow    "base" (integer), "data": uint8 or uint16 numbers to add to it
///   children  the same of children of trees: twice (child - i) for a node and twice (leaf - i) + 1 for a
///   leaf, i
///             being the place in the array
///   table     "table": the different numbers (float64), "data": uint8 or uint16 places in it
///   steps     "bits" (4, 8, 16), "block" (numbers that share a step), "scale" (float32) and "zero" (int32)
///   by block,
///             "data": whole numbers q, which stand for scale * (q - zero); "has_missing": the lowest q is
///             NaN
///   float16   "data"
///   matrices  float32 numbers that begin with matrices row by row ("depth" and "columns" of each): whole
///   numbers "data"
///             of "bits" (4, 8) times "scale", of which each column has one for every "group" rows (0: for
///             all of them), matrix by matrix; then "rest"
inline constexpr std::uint32_t kPackedVersion = 2;
inline constexpr std::string_view kPackedName = "$packed";

/// A node block with its packed arrays as they were (to what the packing kept).
/// @throws Error kModel for a packed array that does not fit together.
Node unpacked_node(const Container& container, std::string_view name);

}  // namespace kolosal::artifact
