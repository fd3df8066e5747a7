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
using Bytes = hn::CappedTag<std::uint8_t, kLaneTrees>;
using SignedBytes = hn::RebindToSigned<Bytes>;

// kTables registers hold 16 bins of the row each. A look-up gives 0 for an index whose top bit is set, so the
// other tables' columns, moved by 16 for each table, are made to have it.
template <std::size_t kTables>
HWY_INLINE void find_of(const LaneNodes* nodes, std::size_t n_nodes, const std::int8_t* row,
                        std::uint8_t* leaves) {
  const Bytes bytes;
  const SignedBytes signed_bytes;
  hn::Vec<SignedBytes> table[kTables];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kTables; ++i) table[i] = hn::LoadDup128(signed_bytes, row + 16 * i);
  const std::size_t n_lanes = hn::Lanes(bytes);
  for (std::size_t lane = 0; lane < kLaneTrees; lane += n_lanes) {
    auto at = hn::Zero(bytes);
    for (const LaneNodes* node = nodes; node != nodes + n_nodes; ++node) {
      const auto column = hn::LoadU(bytes, node->column + lane);
      auto bin = hn::Zero(signed_bytes);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < kTables; ++i) {
        const auto moved = hn::Sub(column, hn::Set(bytes, static_cast<std::uint8_t>(16 * i)));
        const auto index = kTables == 1 ? moved
                                        : hn::And(hn::SaturatedAdd(moved, hn::Set(bytes, std::uint8_t{112})),
                                                  hn::Set(bytes, std::uint8_t{0x8f}));
        bin = hn::Or(bin, hn::TableLookupBytesOr0(table[i], hn::BitCast(signed_bytes, index)));
      }
      const auto above = hn::Gt(bin, hn::LoadU(signed_bytes, node->cut + lane));
      const auto moves =
          hn::And(hn::RebindMask(bytes, above), hn::Eq(at, hn::LoadU(bytes, node->first + lane)));
      at = hn::IfThenElse(moves, hn::LoadU(bytes, node->right + lane), at);
    }
    hn::StoreU(at, bytes, leaves + lane);
  }
}

HWY_ATTR void find_lane_leaves_body(const LaneNodes* nodes, std::size_t n_nodes, const std::int8_t* row,
                                    std::size_t n_columns, std::uint8_t* leaves) {
  if (n_columns <= 16) return find_of<1>(nodes, n_nodes, row, leaves);
  if (n_columns <= 32) return find_of<2>(nodes, n_nodes, row, leaves);
  find_of<4>(nodes, n_nodes, row, leaves);
}

#else

void find_lane_leaves_body(const LaneNodes* nodes, std::size_t n_nodes, const std::int8_t* row, std::size_t,
                           std::uint8_t* leaves) {
  for (std::size_t lane = 0; lane < kLaneTrees; ++lane) {
    unsigned at = 0;
    for (const LaneNodes* node = nodes; node != nodes + n_nodes; ++node) {
      const bool moves = (row[node->column[lane]] > node->cut[lane]) & (at == node->first[lane]);
      at = moves ? node->right[lane] : at;
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
                      std::size_t n_columns, std::uint8_t* leaves) {
  KOLOSAL_ON_CPU(cpu_level(), find_lane_leaves_body(nodes, n_nodes, row, n_columns, leaves));
}

}  // namespace kolosal::kernel
#endif
