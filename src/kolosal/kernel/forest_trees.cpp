// Compiled once for each CPU by foreach_target.hpp; the portable body is the one of the baseline.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kolosal/kernel/forest_trees.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include "kolosal/kernel/forest_trees.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kolosal/kernel/highway_choice.hpp"

HWY_BEFORE_NAMESPACE();
namespace kolosal::kernel::HWY_NAMESPACE {

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
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kTables; ++i) {
    const auto moved = hn::Sub(column, hn::Set(bytes, static_cast<std::uint8_t>(16 * i)));
    bin = hn::Or(bin, of_table(i, hn::SaturatedAdd(moved, past_16)));
  }
  return bin;
}

// Two vectors of trees with AVX2: the steps of one wait for each other.
template <std::size_t kTables, bool kSets>
HWY_INLINE void find_of(const LaneNodes* nodes, std::size_t n_nodes, const std::int8_t* row,
                        const std::uint64_t* outside, std::uint8_t* leaves) {
  constexpr std::size_t kVectors = kLaneTrees / hn::MaxLanes(Bytes());
  constexpr std::size_t kLanes = hn::MaxLanes(Bytes());
  const Bytes bytes;
  const SignedBytes signed_bytes;
  hn::Vec<SignedBytes> table[kTables];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kTables; ++i) table[i] = hn::LoadDup128(signed_bytes, row + 16 * i);
  hn::Vec<Bytes> at[kVectors];
#pragma GCC unroll 2
  for (std::size_t v = 0; v < kVectors; ++v) at[v] = hn::Zero(bytes);
  const auto* bits = reinterpret_cast<const std::uint8_t*>(outside);
  for (const LaneNodes* node = nodes; node != nodes + n_nodes; ++node) {
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kVectors; ++v) {
      const auto bin = look_up<kTables>(table, hn::LoadU(bytes, node->column + v * kLanes));
      auto right = hn::RebindMask(bytes, hn::Gt(bin, hn::LoadU(signed_bytes, node->cut + v * kLanes)));
      if constexpr (kSets) right = hn::Or(right, hn::LoadMaskBits(bytes, bits + v * kLanes / 8));
      const auto here = hn::Eq(at[v], hn::LoadU(bytes, node->first + v * kLanes));
      const auto moves = hn::And(right, here);
      at[v] = hn::IfThenElse(moves, hn::LoadU(bytes, node->right + v * kLanes), at[v]);
    }
    if constexpr (kSets) bits += kLaneTrees / 8;
  }
#pragma GCC unroll 2
  for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(at[v], bytes, leaves + v * kLanes);
}

template <bool kSets>
HWY_INLINE void find_by_columns(const LaneNodes* nodes, std::size_t n_nodes, const std::int8_t* row,
                                std::size_t n_columns, const std::uint64_t* outside, std::uint8_t* leaves) {
  if (n_columns <= 16) return find_of<1, kSets>(nodes, n_nodes, row, outside, leaves);
  if (n_columns <= 32) return find_of<2, kSets>(nodes, n_nodes, row, outside, leaves);
  find_of<4, kSets>(nodes, n_nodes, row, outside, leaves);
}

HWY_ATTR void find_lane_leaves_body(const LaneNodes* nodes, std::size_t n_nodes, const std::int8_t* row,
                                    std::size_t n_columns, const std::uint64_t* outside,
                                    std::uint8_t* leaves) {
  if (outside == nullptr) return find_by_columns<false>(nodes, n_nodes, row, n_columns, outside, leaves);
  find_by_columns<true>(nodes, n_nodes, row, n_columns, outside, leaves);
}

#else

void find_lane_leaves_body(const LaneNodes* nodes, std::size_t n_nodes, const std::int8_t* row, std::size_t,
                           const std::uint64_t* outside, std::uint8_t* leaves) {
  for (std::size_t lane = 0; lane < kLaneTrees; ++lane) {
    unsigned at = 0;
    for (std::size_t i = 0; i < n_nodes; ++i) {
      const LaneNodes& node = nodes[i];
      const bool is_outside = outside != nullptr && ((outside[i] >> lane) & 1U) != 0;
      const bool moves = (is_outside | (row[node.column[lane]] > node.cut[lane])) & (at == node.first[lane]);
      at = moves ? node.right[lane] : at;
    }
    leaves[lane] = static_cast<std::uint8_t>(at);
  }
}

#endif

}  // namespace kolosal::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kolosal::kernel {

void find_lane_leaves(const LaneNodes* nodes, std::size_t n_nodes, const std::int8_t* row,
                      std::size_t n_columns, const std::uint64_t* outside, std::uint8_t* leaves) {
  KOLOSAL_ON_CPU(cpu_level(), find_lane_leaves_body(nodes, n_nodes, row, n_columns, outside, leaves));
}

}  // namespace kolosal::kernel
#endif
