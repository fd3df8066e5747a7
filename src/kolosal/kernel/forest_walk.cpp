#include "kolosal/kernel/forest_walk.hpp"

#include <algorithm>

#include "kolosal/kernel/forest_bins.hpp"
#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {
namespace {

// In flight at once: hides the latency of dependent loads. Of rows as many as stay in registers; a row alone
// finds its trees in no near cache.
constexpr std::size_t kTreesInFlight = 16;
// To look whether all have come to a leaf costs as much as a third of a step.
constexpr std::uint32_t kUnwatchedSteps = 3;

/// row: the cells of a row, kWalkGroup apart.
KOLOSAL_KERNEL_INLINE std::uint32_t step(const WalkNode* nodes, std::uint32_t at, const std::uint16_t* row) {
  const WalkNode node = nodes[at];
  return node.left + static_cast<std::uint32_t>(row[std::size_t{node.column} * kWalkGroup] > node.cut);
}

/// Takes kTogether walks on from at[]; cells_of(k) are the cells of the row of walk k.
template <std::size_t kTogether, typename CellsOf>
KOLOSAL_KERNEL_INLINE void walk_together(const WalkNode* nodes, std::uint32_t n_levels,
                                         const CellsOf& cells_of, std::uint32_t* at) {
  for (std::uint32_t left = n_levels; left > 0;) {
    const std::uint32_t unwatched = std::min(kUnwatchedSteps, left - 1);
    for (std::uint32_t i = 0; i < unwatched; ++i) {
#pragma GCC unroll 16
      for (std::size_t k = 0; k < kTogether; ++k) at[k] = step(nodes, at[k], cells_of(k));
    }
    std::uint32_t moved = 0;
#pragma GCC unroll 16
    for (std::size_t k = 0; k < kTogether; ++k) {
      const std::uint32_t next = step(nodes, at[k], cells_of(k));
      moved |= next ^ at[k];
      at[k] = next;
    }
    if (moved == 0) return;
    left -= unwatched + 1;
  }
}

}  // namespace

KOLOSAL_KERNEL(void, walk_rows,
               (const WalkNode* nodes, std::uint32_t root, std::uint32_t n_levels, const std::uint16_t* rows,
                std::size_t width, std::size_t n_rows, std::uint32_t* ends),
               (nodes, root, n_levels, rows, width, n_rows, ends)) {
  for (std::size_t r = 0; r < n_rows; r += kWalkRows) {
    const std::uint16_t* const cells = rows + r * width;
    std::uint32_t at[kWalkRows];
    for (std::uint32_t& place : at) place = root;
    walk_together<kWalkRows>(
        nodes, n_levels,
        [cells, width](std::size_t k) __attribute__((always_inline)) {
          return cells + k / kWalkGroup * kWalkGroup * width + k % kWalkGroup;
        },
        at);
    for (std::size_t k = 0; k < kWalkRows; ++k) ends[r + k] = at[k];
  }
}

KOLOSAL_KERNEL(void, walk_trees,
               (const WalkNode* nodes, const std::uint32_t* roots, std::size_t n_trees,
                std::uint32_t n_levels, const std::uint16_t* row, std::uint32_t* ends),
               (nodes, roots, n_trees, n_levels, row, ends)) {
  for (std::size_t t = 0; t < n_trees; t += kTreesInFlight) {
    const std::size_t n = std::min(kTreesInFlight, n_trees - t);
    std::uint32_t at[kTreesInFlight];
    for (std::size_t k = 0; k < kTreesInFlight; ++k) at[k] = roots[t + std::min(k, n - 1)];
    walk_together<kTreesInFlight>(
        nodes, n_levels, [row](std::size_t) __attribute__((always_inline)) { return row; }, at);
    for (std::size_t k = 0; k < n; ++k) ends[t + k] = at[k];
  }
}

std::uint32_t walk_with_sets(const WalkNode* nodes, std::uint32_t root, const std::uint16_t* row,
                             const WalkSets& sets) {
  std::uint32_t at = root;
  while (true) {
    const WalkNode node = nodes[at];
    bool right;
    if (node.column & kCategoryColumn) {
      const auto column = static_cast<std::size_t>(node.column & ~kCategoryColumn);
      const std::uint16_t category = row[column * kWalkGroup];
      right = !((sets.bits[sets.set[at] + category / 32] >> (category % 32)) & 1U);
    } else {
      right = row[std::size_t{node.column} * kWalkGroup] > node.cut;
    }
    const std::uint32_t next = node.left + static_cast<std::uint32_t>(right);
    if (next == at) return at;
    at = next;
  }
}

void spread_bins(const std::uint16_t* bins, std::size_t n, bool missing_is_low, std::uint16_t* cells,
                 std::size_t width) {
  const std::uint16_t missing = missing_is_low ? 0 : kMissingBin;
  const auto cell = [missing](std::uint16_t bin) { return bin == kMissingBin ? missing : bin; };
  std::size_t i = 0;
  for (; i + kWalkGroup <= n; i += kWalkGroup, cells += kWalkGroup * width)
    for (std::size_t k = 0; k < kWalkGroup; ++k) cells[k] = cell(bins[i + k]);
  for (std::size_t k = 0; i + k < n; ++k) cells[k] = cell(bins[i + k]);
}

}  // namespace kolosal::kernel
