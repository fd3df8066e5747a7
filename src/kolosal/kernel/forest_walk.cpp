#include "kolosal/kernel/forest_walk.hpp"

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {
namespace {

// In flight at once: hides the latency of dependent loads.
constexpr std::size_t kInFlight = 16;

KOLOSAL_KERNEL_INLINE std::uint32_t step(const WalkNode* nodes, std::uint32_t at, const std::uint16_t* row) {
  const WalkNode node = nodes[at];
  return node.left + static_cast<std::uint32_t>(row[node.column] > node.cut);
}

KOLOSAL_KERNEL_INLINE std::uint32_t walk_one(const WalkNode* nodes, std::uint32_t at,
                                             const std::uint16_t* row) {
  while (true) {
    const std::uint32_t next = step(nodes, at, row);
    if (next == at) return at;
    at = next;
  }
}

}  // namespace

KOLOSAL_KERNEL(void, walk_rows,
               (const WalkNode* nodes, std::uint32_t root, const std::uint16_t* rows, std::size_t width,
                std::size_t n_rows, std::uint32_t* ends),
               (nodes, root, rows, width, n_rows, ends)) {
  std::size_t r = 0;
  for (; r + kInFlight <= n_rows; r += kInFlight) {
    const std::uint16_t* const row = rows + r * width;
    std::uint32_t at[kInFlight];
    for (std::size_t k = 0; k < kInFlight; ++k) at[k] = root;
    std::uint32_t moved = 1;
    while (moved != 0) {
      moved = 0;
#pragma GCC unroll 16
      for (std::size_t k = 0; k < kInFlight; ++k) {
        const std::uint32_t next = step(nodes, at[k], row + k * width);
        moved |= next ^ at[k];
        at[k] = next;
      }
    }
    for (std::size_t k = 0; k < kInFlight; ++k) ends[r + k] = at[k];
  }
  for (; r < n_rows; ++r) ends[r] = walk_one(nodes, root, rows + r * width);
}

KOLOSAL_KERNEL(void, walk_trees,
               (const WalkNode* nodes, const std::uint32_t* roots, std::size_t n_trees,
                const std::uint16_t* row, std::uint32_t* ends),
               (nodes, roots, n_trees, row, ends)) {
  std::size_t t = 0;
  for (; t + kInFlight <= n_trees; t += kInFlight) {
    std::uint32_t at[kInFlight];
    for (std::size_t k = 0; k < kInFlight; ++k) at[k] = roots[t + k];
    std::uint32_t moved = 1;
    while (moved != 0) {
      moved = 0;
#pragma GCC unroll 16
      for (std::size_t k = 0; k < kInFlight; ++k) {
        const std::uint32_t next = step(nodes, at[k], row);
        moved |= next ^ at[k];
        at[k] = next;
      }
    }
    for (std::size_t k = 0; k < kInFlight; ++k) ends[t + k] = at[k];
  }
  for (; t < n_trees; ++t) ends[t] = walk_one(nodes, roots[t], row);
}

std::uint32_t walk_with_sets(const WalkNode* nodes, std::uint32_t root, const std::uint16_t* row,
                             const WalkSets& sets) {
  std::uint32_t at = root;
  while (true) {
    const WalkNode node = nodes[at];
    bool right;
    if (node.column & kCategoryColumn) {
      const std::uint16_t category = row[node.column & ~kCategoryColumn];
      right = !((sets.bits[sets.set[at] + category / 32] >> (category % 32)) & 1U);
    } else {
      right = row[node.column] > node.cut;
    }
    const std::uint32_t next = node.left + static_cast<std::uint32_t>(right);
    if (next == at) return at;
    at = next;
  }
}

}  // namespace kolosal::kernel
