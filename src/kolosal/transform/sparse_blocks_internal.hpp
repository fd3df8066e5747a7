#pragma once

#include <cstdint>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/column.hpp"

namespace kolosal::transform {

/// The sparse rows that one block of a loop over rows made.
struct SparseBlock {
  std::vector<std::int32_t> indices;  // ascending within a row
  std::vector<float> values;
  std::vector<std::int64_t> ends;  // one per row: where it ends in this block
};

/// The rows of all blocks, in order, as one column of `width`. Takes the blocks' memory.
data::Column join_blocks(std::vector<SparseBlock> blocks, std::int32_t width, const Context& context);

}  // namespace kolosal::transform
