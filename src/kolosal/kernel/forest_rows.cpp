// Compiled once for each CPU by foreach_target.hpp; the portable body is the one of the baseline.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kolosal/kernel/forest_rows.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include "kolosal/kernel/forest_rows.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstring>

#if HWY_ARCH_X86
#include <emmintrin.h>
#endif

#include "kolosal/kernel/forest_vbmi.hpp"
#include "kolosal/kernel/highway_choice.hpp"

HWY_BEFORE_NAMESPACE();
namespace kolosal::kernel::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3

namespace hn = hwy::HWY_NAMESPACE;
using Bytes = hn::ScalableTag<std::uint8_t>;
using SignedBytes = hn::ScalableTag<std::int8_t>;

// kVectors registers of rows: 8 of them leave half of the registers of AVX2 for the rest.
template <std::size_t kVectors>
HWY_INLINE void find_leaves_of(const SpanNode* nodes, std::size_t n_nodes, const std::int8_t* block,
                               std::uint8_t* leaves) {
  const Bytes bytes;
  const SignedBytes signed_bytes;
  const std::size_t n_lanes = hn::Lanes(bytes);
  hn::Vec<Bytes> at[kVectors];
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kVectors; ++v) at[v] = hn::Zero(bytes);
  for (const SpanNode* node = nodes; node != nodes + n_nodes; ++node) {
    const auto limit = hn::Set(signed_bytes, node->limit);
    const auto first = hn::Set(bytes, node->first);
    const auto right = hn::Set(bytes, node->right);
    const std::int8_t* const bins = block + node->bins;
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) {
      // In this order of operands AVX2 compares with memory, which saves a load.
      const auto below = hn::Gt(limit, hn::LoadU(signed_bytes, bins + v * n_lanes));
#if HWY_TARGET == HWY_AVX2
      // 255 is no node's first leaf.
      const auto moves =
          hn::Eq(hn::Or(at[v], hn::BitCast(bytes, hn::VecFromMask(signed_bytes, below))), first);
#else
      const auto moves = hn::AndNot(hn::RebindMask(bytes, below), hn::Eq(at[v], first));
#endif
      at[v] = hn::IfThenElse(moves, right, at[v]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(at[v], bytes, leaves + v * n_lanes);
}

HWY_ATTR void find_leaves_body(const SpanNode* nodes, std::size_t n_nodes, const std::int8_t* block,
                               std::size_t n_rows, std::uint8_t* leaves) {
  const std::size_t n_lanes = hn::Lanes(Bytes());
  std::size_t left = (n_rows + n_lanes - 1) / n_lanes;
  const auto pass = [&](auto vectors) HWY_ATTR {
    constexpr std::size_t kVectors = decltype(vectors)::value;
    for (; left >= kVectors; left -= kVectors) {
      find_leaves_of<kVectors>(nodes, n_nodes, block, leaves);
      block += kVectors * n_lanes;
      leaves += kVectors * n_lanes;
    }
  };
  pass(std::integral_constant<std::size_t, 8>());
  pass(std::integral_constant<std::size_t, 4>());
  pass(std::integral_constant<std::size_t, 2>());
  pass(std::integral_constant<std::size_t, 1>());
}

HWY_ATTR void mark_outside_body(const std::int8_t* categories, const std::uint8_t* set, std::size_t n_rows,
                                std::int8_t* out) {
  const Bytes bytes;
  const SignedBytes signed_bytes;
  const std::size_t n_lanes = hn::Lanes(bytes);
  // Tables of 16 bytes: an index whose top bit is set gives 0.
  alignas(16) static constexpr std::uint8_t kBits[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                                         1, 2, 4, 8, 16, 32, 64, 128};
  const auto low = hn::LoadDup128(bytes, set), high = hn::LoadDup128(bytes, set + 16);
  const auto bits = hn::LoadDup128(bytes, kBits);
  const auto top = hn::Set(bytes, std::uint8_t{128}), seven = hn::Set(bytes, std::uint8_t{7});
  for (std::size_t r = 0; r < n_rows; r += n_lanes) {
    // A category is stored 128 too low, which flips its top bit.
    const auto flipped = hn::LoadU(bytes, reinterpret_cast<const std::uint8_t*>(categories) + r);
    const auto not_low = hn::AndNot(flipped, top), not_high = hn::And(flipped, top);
    const auto byte = hn::And(hn::ShiftRight<3>(flipped), hn::Set(bytes, std::uint8_t{15}));
    const auto word = hn::Or(hn::TableLookupBytesOr0(low, hn::Or(byte, not_low)),
                             hn::TableLookupBytesOr0(high, hn::Or(byte, not_high)));
    const auto bit = hn::TableLookupBytes(bits, hn::And(flipped, seven));
    const auto outside = hn::RebindMask(signed_bytes, hn::Eq(hn::And(word, bit), hn::Zero(bytes)));
    hn::StoreU(hn::IfThenElse(outside, hn::Set(signed_bytes, std::int8_t{127}),
                              hn::Set(signed_bytes, std::int8_t{-128})),
               signed_bytes, out + r);
  }
}

// Eight rows by one load of their leaves: the loads are what it takes.
HWY_ATTR void add_leaves_body(const double* values, const std::uint8_t* leaves, std::size_t n, double* sums) {
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, leaves + i, sizeof eight);
    const auto value = [&](unsigned k)
                           HWY_ATTR { return values + static_cast<std::uint8_t>(eight >> (8 * k)); };
#pragma GCC unroll 4
    for (unsigned k = 0; k < 8; k += 2) {
      const __m128d pair = _mm_loadh_pd(_mm_load_sd(value(k)), value(k + 1));
      _mm_storeu_pd(sums + i + k, _mm_add_pd(_mm_loadu_pd(sums + i + k), pair));
    }
  }
  for (; i < n; ++i) sums[i] += values[leaves[i]];
}

#else

void find_leaves_body(const SpanNode* nodes, std::size_t n_nodes, const std::int8_t* block,
                      std::size_t n_rows, std::uint8_t* leaves) {
  // Vectors that every compiler and CPU has; a block of rows is a multiple of them.
  typedef std::int8_t Lanes __attribute__((vector_size(16)));
  for (std::size_t r = 0; r < n_rows; r += sizeof(Lanes)) {
    Lanes at = {};
    for (const SpanNode* node = nodes; node != nodes + n_nodes; ++node) {
      Lanes bins;
      std::memcpy(&bins, block + node->bins + r, sizeof bins);
      const Lanes moves = (bins >= node->limit) & (at == static_cast<std::int8_t>(node->first));
      at = (moves & static_cast<std::int8_t>(node->right)) | (~moves & at);
    }
    std::memcpy(leaves + r, &at, sizeof at);
  }
}

void mark_outside_body(const std::int8_t* categories, const std::uint8_t* set, std::size_t n_rows,
                       std::int8_t* out) {
  for (std::size_t r = 0; r < n_rows; ++r) {
    const unsigned category = static_cast<unsigned>(categories[r] + 128);
    out[r] = (set[category / 8] >> (category % 8)) & 1U ? -128 : 127;
  }
}

void add_leaves_body(const double* values, const std::uint8_t* leaves, std::size_t n, double* sums) {
  for (std::size_t i = 0; i < n; ++i) sums[i] += values[leaves[i]];
}

#endif

}  // namespace kolosal::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kolosal::kernel {

void find_leaves(const SpanNode* nodes, std::size_t n_nodes, const std::int8_t* block, std::size_t n_rows,
                 std::uint8_t* leaves) {
  KOLOSAL_ON_CPU(cpu_level(), find_leaves_body(nodes, n_nodes, block, n_rows, leaves));
}

void add_leaves(const double* values, std::size_t n_values, const std::uint8_t* leaves, std::size_t n,
                double* sums) {
  if (n_values <= kVbmiLeaves && n >= kVbmiRows)
    KOLOSAL_WITH_VBMI(add_leaves_by_vbmi(values, n_values, leaves, n, sums));
  KOLOSAL_ON_CPU(cpu_level(), add_leaves_body(values, leaves, n, sums));
}

void mark_outside(const std::int8_t* categories, const std::uint8_t* set, std::size_t n_rows,
                  std::int8_t* out) {
  KOLOSAL_WITH_VBMI(mark_outside_by_vbmi(categories, set, n_rows, out));
  KOLOSAL_ON_CPU(cpu_level(), mark_outside_body(categories, set, n_rows, out));
}

}  // namespace kolosal::kernel
#endif
