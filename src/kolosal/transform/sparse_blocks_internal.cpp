#include "kolosal/transform/sparse_blocks_internal.hpp"

#include <algorithm>

namespace kolosal::transform {

data::Column join_blocks(std::vector<SparseBlock> blocks, std::int32_t width, const Context& context) {
  struct Start {
    std::size_t row, cell;
  };
  std::vector<Start> starts;
  Start next{0, 0};
  for (const SparseBlock& block : blocks) {
    starts.push_back(next);
    next.row += block.ends.size();
    next.cell += block.indices.size();
  }
  std::vector<std::int64_t> offsets(next.row + 1);
  std::vector<std::int32_t> indices(next.cell);
  std::vector<float> values(next.cell);
  context.parallel_blocks(blocks.size(), 1, [&](std::size_t b, std::size_t) {
    const auto cell = static_cast<std::ptrdiff_t>(starts[b].cell);
    std::ranges::copy(blocks[b].indices, indices.begin() + cell);
    std::ranges::copy(blocks[b].values, values.begin() + cell);
    for (std::size_t i = 0; i < blocks[b].ends.size(); ++i)
      offsets[starts[b].row + i + 1] = blocks[b].ends[i] + cell;
    blocks[b] = {};
  });
  return data::Column::from_sparse(std::move(offsets), std::move(indices), std::move(values), width);
}

}  // namespace kolosal::transform
