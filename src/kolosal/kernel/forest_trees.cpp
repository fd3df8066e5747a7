// Compiled once for each CPU by foreach_target.hpp; the portable body is the one of the baseline.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kolosal/kernel/forest_trees.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include "kolosal/kernel/forest_trees.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kolosal/kernel/forest_vbmi.hpp"
#include "kolosal/kernel/highway_choice.hpp"

HWY_BEFORE_NAMESPACE();
namespace kolosal::kernel::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3

HWY_ATTR void merge_bits_body(const std::uint64_t* const* lists, std::size_t n_lists, std::size_t n,
                              std::uint64_t* out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<std::uint64_t> words;
  constexpr std::size_t kLanes = hn::MaxLanes(words), kVectors = kMergedWords / kLanes;
  for (std::size_t i = 0; i < n; i += kMergedWords) {
    hn::Vec<decltype(words)> merged[kVectors];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) merged[v] = hn::Zero(words);
    for (std::size_t l = 0; l < n_lists; ++l)
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v)
        merged[v] = hn::Or(merged[v], hn::LoadU(words, lists[l] + i + v * kLanes));
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(merged[v], words, out + i + v * kLanes);
  }
}

#else

void merge_bits_body(const std::uint64_t* const* lists, std::size_t n_lists, std::size_t n,
                     std::uint64_t* out) {
  for (std::size_t i = 0; i < n; i += kMergedWords) {
    std::uint64_t merged[kMergedWords] = {};
    for (std::size_t l = 0; l < n_lists; ++l)
      for (std::size_t k = 0; k < kMergedWords; ++k) merged[k] |= lists[l][i + k];
    for (std::size_t k = 0; k < kMergedWords; ++k) out[i + k] = merged[k];
  }
}

#endif

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3

namespace hn = hwy::HWY_NAMESPACE;
using Bytes = hn::ScalableTag<std::uint8_t>;
using SignedBytes = hn::ScalableTag<std::int8_t>;

// kTables registers hold 16 bins of the row each. A look-up by an index whose top bit is set gives 0, of the
// others it takes the lower four bits; so each table gets the columns moved such that those of the other
// tables have the top bit.
template <std::size_t kTables>
HWY_INLINE hn::Vec<SignedBytes> look_up(const hn::Vec<SignedBytes>* table, hn::Vec<Bytes> column) {
  const Bytes bytes;
  const SignedBytes signed_bytes;
  const auto of_table = [&](std::size_t i, hn::Vec<Bytes> index) HWY_ATTR {
    return hn::TableLookupBytesOr0(table[i], hn::BitCast(signed_bytes, index));
  };
  const auto past_16 = hn::Set(bytes, std::uint8_t{112}), top = hn::Set(bytes, std::uint8_t{128});
  if constexpr (kTables == 1) return of_table(0, column);
  if constexpr (kTables == 2) {
    const auto index = hn::Add(column, past_16);
    return hn::Or(of_table(0, index), of_table(1, hn::Xor(index, top)));
  }
  auto bin = hn::Zero(signed_bytes);
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kTables; ++i) {
    const auto moved = hn::Sub(column, hn::Set(bytes, static_cast<std::uint8_t>(16 * i)));
    bin = hn::Or(bin, of_table(i, hn::SaturatedAdd(moved, past_16)));
  }
  return bin;
}

/// Lanes of a node: the first leaf below it, and that of its right side.
struct Ends {
  hn::Vec<Bytes> first, right;
};

HWY_INLINE Ends ends_of(const LaneNodes& node, std::size_t lane) {
  const Bytes bytes;
  return {hn::LoadU(bytes, node.first + lane), hn::LoadU(bytes, node.right + lane)};
}

HWY_INLINE Ends ends_of(const SmallLaneNodes& node, std::size_t lane) {
  const Bytes bytes;
  const auto ends = hn::LoadU(bytes, node.ends + lane);
  return {hn::And(ends, hn::Set(bytes, std::uint8_t{15})), hn::ShiftRight<4>(ends)};
}

// Two vectors of trees with AVX2: the steps of one wait for each other.
template <std::size_t kTables, bool kHasSets, typename Node>
HWY_INLINE void find_of(const Node* nodes, std::size_t n_nodes, std::size_t n_groups, const std::int8_t* row,
                        const std::uint64_t* outside, std::uint8_t* leaves) {
  constexpr std::size_t kVectors = kLaneTrees / hn::MaxLanes(Bytes());
  constexpr std::size_t kLanes = hn::MaxLanes(Bytes());
  const Bytes bytes;
  const SignedBytes signed_bytes;
  hn::Vec<SignedBytes> table[kTables];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kTables; ++i) table[i] = hn::LoadDup128(signed_bytes, row + 16 * i);
  for (std::size_t g = 0; g < n_groups; ++g, leaves += kLaneTrees) {
    hn::Vec<Bytes> at[kVectors];
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kVectors; ++v) at[v] = hn::Zero(bytes);
    for (const Node* const end = nodes + n_nodes; nodes != end; ++nodes) {
#pragma GCC unroll 2
      for (std::size_t v = 0; v < kVectors; ++v) {
        const auto bin = look_up<kTables>(table, hn::LoadU(bytes, nodes->column + v * kLanes));
        auto above = hn::Gt(bin, hn::LoadU(signed_bytes, nodes->cut + v * kLanes));
        if constexpr (kHasSets) {
          const auto* const bits = reinterpret_cast<const std::uint8_t*>(outside);
          above = hn::Or(above, hn::LoadMaskBits(signed_bytes, bits + v * kLanes / 8));
        }
        const Ends ends = ends_of(*nodes, v * kLanes);
        const auto moves = hn::And(hn::RebindMask(bytes, above), hn::Eq(at[v], ends.first));
        at[v] = hn::IfThenElse(moves, ends.right, at[v]);
      }
      if constexpr (kHasSets) ++outside;
    }
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(at[v], bytes, leaves + v * kLanes);
  }
}

template <std::size_t kTables, typename Node>
HWY_INLINE void find_with(const Node* nodes, std::size_t n_nodes, std::size_t n_groups,
                          const std::int8_t* row, const std::uint64_t* outside, std::uint8_t* leaves) {
  if (outside == nullptr) return find_of<kTables, false>(nodes, n_nodes, n_groups, row, outside, leaves);
  find_of<kTables, true>(nodes, n_nodes, n_groups, row, outside, leaves);
}

template <typename Node>
HWY_INLINE void find_in(const Node* nodes, std::size_t n_nodes, std::size_t n_groups, const std::int8_t* row,
                        std::size_t n_columns, const std::uint64_t* outside, std::uint8_t* leaves) {
  if (n_columns <= 16) return find_with<1>(nodes, n_nodes, n_groups, row, outside, leaves);
  if (n_columns <= 32) return find_with<2>(nodes, n_nodes, n_groups, row, outside, leaves);
  if (n_columns <= 64) return find_with<4>(nodes, n_nodes, n_groups, row, outside, leaves);
  if (n_columns <= 128) return find_with<8>(nodes, n_nodes, n_groups, row, outside, leaves);
  find_with<16>(nodes, n_nodes, n_groups, row, outside, leaves);
}

HWY_ATTR void find_lane_leaves_body(const LaneNodes* nodes, std::size_t n_nodes, std::size_t n_groups,
                                    const std::int8_t* row, std::size_t n_columns,
                                    const std::uint64_t* outside, std::uint8_t* leaves) {
  find_in(nodes, n_nodes, n_groups, row, n_columns, outside, leaves);
}

HWY_ATTR void find_lane_leaves_body(const SmallLaneNodes* nodes, std::size_t n_nodes, std::size_t n_groups,
                                    const std::int8_t* row, std::size_t n_columns,
                                    const std::uint64_t* outside, std::uint8_t* leaves) {
  find_in(nodes, n_nodes, n_groups, row, n_columns, outside, leaves);
}

HWY_ATTR void sum_leaf_blocks_body(const float* values, const std::uint32_t* first,
                                   const std::uint8_t* leaves, std::size_t n, double* sums) {
  const hn::FixedTag<double, kLeafBlocks / 2> doubles;
  const hn::FixedTag<float, kLeafBlocks> floats;
  const hn::FixedTag<float, kLeafBlocks / 2> half;
  const hn::FixedTag<std::int32_t, kLeafBlocks> places;
  const hn::FixedTag<std::uint32_t, kLeafBlocks> words;
  const hn::FixedTag<std::uint8_t, kLeafBlocks> bytes;
  auto low = hn::Zero(doubles), high = hn::Zero(doubles);
  for (std::size_t i = 0; i < n * kLeafBlocks; i += kLeafBlocks) {
    const auto place =
        hn::Add(hn::PromoteTo(words, hn::LoadU(bytes, leaves + i)), hn::LoadU(words, first + i));
    const auto value = hn::GatherIndex(floats, values, hn::BitCast(places, place));
    low = hn::Add(low, hn::PromoteTo(doubles, hn::LowerHalf(half, value)));
    high = hn::Add(high, hn::PromoteTo(doubles, hn::UpperHalf(half, value)));
  }
  hn::StoreU(low, doubles, sums);
  hn::StoreU(high, doubles, sums + kLeafBlocks / 2);
}

HWY_ATTR void sum_leaf_blocks_body(const double* values, const std::uint32_t* first,
                                   const std::uint8_t* leaves, std::size_t n, double* sums) {
  constexpr std::size_t kHalf = kLeafBlocks / 2;
  const hn::FixedTag<double, kHalf> doubles;
  const hn::FixedTag<std::int64_t, kHalf> places;
  const hn::FixedTag<std::uint32_t, kHalf> words;
  const hn::FixedTag<std::uint8_t, kHalf> bytes;
  const auto value = [&](std::size_t i) HWY_ATTR {
    const auto place =
        hn::Add(hn::PromoteTo(words, hn::LoadU(bytes, leaves + i)), hn::LoadU(words, first + i));
    const hn::FixedTag<std::uint64_t, kHalf> wide;
    return hn::GatherIndex(doubles, values, hn::BitCast(places, hn::PromoteTo(wide, place)));
  };
  auto low = hn::Zero(doubles), high = hn::Zero(doubles);
  for (std::size_t i = 0; i < n * kLeafBlocks; i += kLeafBlocks) {
    low = hn::Add(low, value(i));
    high = hn::Add(high, value(i + kHalf));
  }
  hn::StoreU(low, doubles, sums);
  hn::StoreU(high, doubles, sums + kHalf);
}

template <std::size_t kTables>
HWY_INLINE void find_symmetric_of(const LaneLevel* levels, std::size_t n_levels, const std::int8_t* row,
                                  std::uint8_t* leaves) {
  constexpr std::size_t kLanes = hn::MaxLanes(Bytes());
  const Bytes bytes;
  const SignedBytes signed_bytes;
  hn::Vec<SignedBytes> table[kTables];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kTables; ++i) table[i] = hn::LoadDup128(signed_bytes, row + 16 * i);
  for (std::size_t lane = 0; lane < kLaneTrees; lane += kLanes) {
    auto leaf = hn::Zero(bytes);
    for (std::size_t level = 0; level < n_levels; ++level) {
      const auto bin = look_up<kTables>(table, hn::LoadU(bytes, levels[level].column + lane));
      const auto above = hn::Gt(bin, hn::LoadU(signed_bytes, levels[level].cut + lane));
      const auto bit = hn::Set(bytes, static_cast<std::uint8_t>(1U << level));
      leaf = hn::Or(leaf, hn::IfThenElseZero(hn::RebindMask(bytes, above), bit));
    }
    hn::StoreU(leaf, bytes, leaves + lane);
  }
}

HWY_ATTR void find_symmetric_leaves_body(const LaneLevel* levels, std::size_t n_levels,
                                         const std::int8_t* row, std::size_t n_columns,
                                         std::uint8_t* leaves) {
  if (n_columns <= 16) return find_symmetric_of<1>(levels, n_levels, row, leaves);
  if (n_columns <= 32) return find_symmetric_of<2>(levels, n_levels, row, leaves);
  if (n_columns <= 64) return find_symmetric_of<4>(levels, n_levels, row, leaves);
  find_symmetric_of<16>(levels, n_levels, row, leaves);
}

#else

void find_symmetric_leaves_body(const LaneLevel* levels, std::size_t n_levels, const std::int8_t* row,
                                std::size_t, std::uint8_t* leaves) {
  for (std::size_t lane = 0; lane < kLaneTrees; ++lane) {
    unsigned leaf = 0;
    for (std::size_t level = 0; level < n_levels; ++level)
      leaf |= static_cast<unsigned>(row[levels[level].column[lane]] > levels[level].cut[lane]) << level;
    leaves[lane] = static_cast<std::uint8_t>(leaf);
  }
}

unsigned first_of(const LaneNodes& node, std::size_t lane) { return node.first[lane]; }
unsigned right_of(const LaneNodes& node, std::size_t lane) { return node.right[lane]; }
unsigned first_of(const SmallLaneNodes& node, std::size_t lane) { return node.ends[lane] & 15U; }
unsigned right_of(const SmallLaneNodes& node, std::size_t lane) { return node.ends[lane] >> 4; }

template <typename Node>
void find_lane_leaves_body(const Node* nodes, std::size_t n_nodes, std::size_t n_groups,
                           const std::int8_t* row, std::size_t, const std::uint64_t* outside,
                           std::uint8_t* leaves) {
  for (std::size_t i = 0; i < n_groups * kLaneTrees; ++i) {
    const std::size_t lane = i % kLaneTrees, first = i / kLaneTrees * n_nodes;
    unsigned at = 0;
    for (std::size_t k = first; k < first + n_nodes; ++k) {
      const Node& node = nodes[k];
      bool goes_right = row[node.column[lane]] > node.cut[lane];
      if (outside != nullptr) goes_right |= ((outside[k] >> lane) & 1U) != 0;
      at = goes_right & (at == first_of(node, lane)) ? right_of(node, lane) : at;
    }
    leaves[i] = static_cast<std::uint8_t>(at);
  }
}

template <typename T>
void sum_leaf_blocks_body(const T* values, const std::uint32_t* first, const std::uint8_t* leaves,
                          std::size_t n, double* sums) {
  double out[kLeafBlocks] = {};
  for (std::size_t i = 0; i < n * kLeafBlocks; i += kLeafBlocks)
    for (std::size_t b = 0; b < kLeafBlocks; ++b)
      out[b] += static_cast<double>(values[first[i + b] + std::size_t{leaves[i + b]}]);
  for (std::size_t b = 0; b < kLeafBlocks; ++b) sums[b] = out[b];
}

#endif

}  // namespace kolosal::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kolosal::kernel {

void find_lane_leaves(const LaneNodes* nodes, std::size_t n_nodes, std::size_t n_groups,
                      const std::int8_t* row, std::size_t n_columns, const std::uint64_t* outside,
                      std::uint8_t* leaves) {
  KOLOSAL_WITH_VBMI(find_lane_leaves_by_vbmi(nodes, n_nodes, n_groups, row, n_columns, outside, leaves));
  KOLOSAL_ON_CPU(cpu_level(),
                 find_lane_leaves_body(nodes, n_nodes, n_groups, row, n_columns, outside, leaves));
}

void find_lane_leaves(const SmallLaneNodes* nodes, std::size_t n_nodes, std::size_t n_groups,
                      const std::int8_t* row, std::size_t n_columns, const std::uint64_t* outside,
                      std::uint8_t* leaves) {
  KOLOSAL_WITH_VBMI(find_lane_leaves_by_vbmi(nodes, n_nodes, n_groups, row, n_columns, outside, leaves));
  KOLOSAL_ON_CPU(cpu_level(),
                 find_lane_leaves_body(nodes, n_nodes, n_groups, row, n_columns, outside, leaves));
}

void sum_leaf_blocks(const float* values, const std::uint32_t* first, const std::uint8_t* leaves,
                     std::size_t n, double* sums) {
  KOLOSAL_ON_CPU(cpu_level(), sum_leaf_blocks_body(values, first, leaves, n, sums));
}

void sum_leaf_blocks(const double* values, const std::uint32_t* first, const std::uint8_t* leaves,
                     std::size_t n, double* sums) {
  KOLOSAL_ON_CPU(cpu_level(), sum_leaf_blocks_body(values, first, leaves, n, sums));
}

void find_symmetric_leaves(const LaneLevel* levels, std::size_t n_levels, const std::int8_t* row,
                           std::size_t n_columns, std::uint8_t* leaves) {
  KOLOSAL_WITH_VBMI(find_symmetric_leaves_by_vbmi(levels, n_levels, row, n_columns, leaves));
  KOLOSAL_ON_CPU(cpu_level(), find_symmetric_leaves_body(levels, n_levels, row, n_columns, leaves));
}

void merge_bits(const std::uint64_t* const* lists, std::size_t n_lists, std::size_t n, std::uint64_t* out) {
  KOLOSAL_ON_CPU(cpu_level(), merge_bits_body(lists, n_lists, n, out));
}

}  // namespace kolosal::kernel
#endif
