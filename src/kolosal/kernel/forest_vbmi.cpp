#include "kolosal/kernel/forest_vbmi.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
// g++ 12 reports the undefined registers of its own header.
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include <algorithm>

// Not Highway's: its target with this instruction (Ice Lake) has seven more that are not used here.
#define KOLOSAL_VBMI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))
#define KOLOSAL_VBMI_INLINE KOLOSAL_VBMI inline __attribute__((always_inline))

namespace kolosal::kernel {
namespace {

constexpr std::size_t kLanes = 64;
static_assert(kLaneTrees == kLanes && kBlockRows % kLanes == 0);

/// The bins of a row in kTables registers.
template <std::size_t kTables>
struct RowBins {
  static_assert(kTables == 1 || kTables == 2 || kTables == 4);
  __m512i table[kTables];

  KOLOSAL_VBMI_INLINE explicit RowBins(const std::int8_t* row) {
    for (std::size_t i = 0; i < kTables; ++i) table[i] = _mm512_loadu_si512(row + kLanes * i);
  }
  /// Those of 64 columns. The instruction takes the lower six bits of a column, of two registers seven.
  KOLOSAL_VBMI_INLINE __m512i at(__m512i column) const {
    if constexpr (kTables == 1) return _mm512_permutexvar_epi8(column, table[0]);
    if constexpr (kTables == 2) return _mm512_permutex2var_epi8(table[0], column, table[1]);
    if constexpr (kTables == 4)
      return _mm512_mask_mov_epi8(_mm512_permutex2var_epi8(table[0], column, table[1]),
                                  _mm512_movepi8_mask(column),
                                  _mm512_permutex2var_epi8(table[2], column, table[3]));
  }
};

struct Ends {
  __m512i first, right;
};

KOLOSAL_VBMI_INLINE Ends ends_of(const LaneNodes& node) {
  return {_mm512_loadu_si512(node.first), _mm512_loadu_si512(node.right)};
}

KOLOSAL_VBMI_INLINE Ends ends_of(const SmallLaneNodes& node) {
  const __m512i ends = _mm512_loadu_si512(node.ends), low = _mm512_set1_epi8(15);
  return {_mm512_and_si512(ends, low), _mm512_and_si512(_mm512_srli_epi16(ends, 4), low)};
}

template <std::size_t kTables, typename Node>
KOLOSAL_VBMI_INLINE void find_of(const Node* nodes, std::size_t n_nodes, std::size_t n_groups,
                                 const RowBins<kTables>& bins, const std::uint64_t* outside,
                                 std::uint8_t* leaves) {
  for (std::size_t g = 0; g < n_groups; ++g, leaves += kLaneTrees) {
    __m512i at = _mm512_setzero_si512();
    for (const Node* const end = nodes + n_nodes; nodes != end; ++nodes) {
      const __m512i bin = bins.at(_mm512_loadu_si512(nodes->column));
      __mmask64 above = _mm512_cmpgt_epi8_mask(bin, _mm512_loadu_si512(nodes->cut));
      if (outside != nullptr) above |= *outside++;
      const Ends ends = ends_of(*nodes);
      at = _mm512_mask_mov_epi8(at, _mm512_mask_cmpeq_epi8_mask(above, at, ends.first), ends.right);
    }
    _mm512_storeu_si512(leaves, at);
  }
}

template <typename Node>
KOLOSAL_VBMI void find_in(const Node* nodes, std::size_t n_nodes, std::size_t n_groups,
                          const std::int8_t* row, std::size_t n_columns, const std::uint64_t* outside,
                          std::uint8_t* leaves) {
  if (n_columns <= kLanes) return find_of(nodes, n_nodes, n_groups, RowBins<1>(row), outside, leaves);
  if (n_columns <= 2 * kLanes) return find_of(nodes, n_nodes, n_groups, RowBins<2>(row), outside, leaves);
  find_of(nodes, n_nodes, n_groups, RowBins<4>(row), outside, leaves);
}

template <std::size_t kTables>
KOLOSAL_VBMI_INLINE void find_symmetric_of(const LaneLevel* levels, std::size_t n_levels,
                                           const RowBins<kTables>& bins, std::uint8_t* leaves) {
  __m512i leaf = _mm512_setzero_si512();
  for (std::size_t level = 0; level < n_levels; ++level) {
    const __m512i bin = bins.at(_mm512_loadu_si512(levels[level].column));
    const __mmask64 above = _mm512_cmpgt_epi8_mask(bin, _mm512_loadu_si512(levels[level].cut));
    leaf = _mm512_or_si512(leaf, _mm512_maskz_set1_epi8(above, static_cast<char>(1U << level)));
  }
  _mm512_storeu_si512(leaves, leaf);
}

/// Byte b of up to 64 doubles, of each one byte, for b < 8.
struct BytePlanes {
  __m512i plane[8];
};

/// Of the doubles from values on, 1 <= n <= 64; the others are 0.
KOLOSAL_VBMI_INLINE BytePlanes byte_planes(const double* values, std::size_t n) {
  // In each register the first bytes of its eight doubles, then the second ones, ...
  alignas(64) static constexpr auto kByByte = [] {
    struct {
      std::uint8_t at[64];
    } out{};
    for (std::size_t b = 0; b < 8; ++b)
      for (std::size_t d = 0; d < 8; ++d) out.at[8 * b + d] = static_cast<std::uint8_t>(8 * d + b);
    return out;
  }();
  const __m512i by_byte = _mm512_load_si512(kByByte.at);
  const __mmask64 is_value = ~std::uint64_t{0} >> (kLanes - n);
  __m512i rows[8];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 8; ++i) {
    const __m512d eight = _mm512_maskz_loadu_pd(static_cast<__mmask8>(is_value >> (8 * i)), values + 8 * i);
    rows[i] = _mm512_permutexvar_epi8(by_byte, _mm512_castpd_si512(eight));
  }
  // Then these 8 x 8 groups of eight bytes are transposed.
  BytePlanes out;
#pragma GCC unroll 2
  for (std::size_t odd = 0; odd < 2; ++odd) {
    __m512i pairs[4];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i)
      pairs[i] = odd ? _mm512_unpackhi_epi64(rows[2 * i], rows[2 * i + 1])
                     : _mm512_unpacklo_epi64(rows[2 * i], rows[2 * i + 1]);
    const __m512i low0 = _mm512_shuffle_i64x2(pairs[0], pairs[1], 0x88),
                  high0 = _mm512_shuffle_i64x2(pairs[0], pairs[1], 0xdd),
                  low1 = _mm512_shuffle_i64x2(pairs[2], pairs[3], 0x88),
                  high1 = _mm512_shuffle_i64x2(pairs[2], pairs[3], 0xdd);
    out.plane[odd] = _mm512_shuffle_i64x2(low0, low1, 0x88);
    out.plane[4 + odd] = _mm512_shuffle_i64x2(low0, low1, 0xdd);
    out.plane[2 + odd] = _mm512_shuffle_i64x2(high0, high1, 0x88);
    out.plane[6 + odd] = _mm512_shuffle_i64x2(high0, high1, 0xdd);
  }
  return out;
}

/// kTables times 64 values are looked up byte by byte for 64 rows, then the bytes are woven into doubles.
template <std::size_t kTables>
KOLOSAL_VBMI void add_of(const double* values, std::size_t n_values, const std::uint8_t* leaves,
                         std::size_t n, double* sums) {
  // Weaving goes within 16 bytes: output k gets from quarter q the rows 2k and 2k + 1 of it, so there are put
  // those that belong to the rows 8k + 2q and 8k + 2q + 1.
  alignas(64) static constexpr auto kPlaces = [] {
    struct {
      std::uint8_t at[64];
    } out{};
    for (std::size_t q = 0; q < 4; ++q)
      for (std::size_t k = 0; k < 8; ++k)
        for (std::size_t j = 0; j < 2; ++j)
          out.at[16 * q + 2 * k + j] = static_cast<std::uint8_t>(8 * k + 2 * q + j);
    return out;
  }();
  const __m512i places = _mm512_load_si512(kPlaces.at);
  BytePlanes planes[kTables];
#pragma GCC unroll 2
  for (std::size_t t = 0; t < kTables; ++t)
    planes[t] = byte_planes(values + kLanes * t, std::min(n_values - kLanes * t, kLanes));
  for (std::size_t i = 0; i < n; i += kLanes, sums += kLanes) {
    const std::size_t n_here = std::min(n - i, kLanes);
    const __mmask64 is_row = ~std::uint64_t{0} >> (kLanes - n_here);
    const __m512i leaf = _mm512_permutexvar_epi8(places, _mm512_maskz_loadu_epi8(is_row, leaves + i));
    __m512i byte[8];
#pragma GCC unroll 8
    for (std::size_t b = 0; b < 8; ++b) {
      if constexpr (kTables == 1)
        byte[b] = _mm512_permutexvar_epi8(leaf, planes[0].plane[b]);
      else
        byte[b] = _mm512_permutex2var_epi8(planes[0].plane[b], leaf, planes[1].plane[b]);
    }
    __m512i two[2][4], four[4][2], eight[8];
#pragma GCC unroll 4
    for (std::size_t b = 0; b < 4; ++b) {
      two[0][b] = _mm512_unpacklo_epi8(byte[2 * b], byte[2 * b + 1]);
      two[1][b] = _mm512_unpackhi_epi8(byte[2 * b], byte[2 * b + 1]);
    }
#pragma GCC unroll 4
    for (std::size_t h = 0; h < 4; ++h)
#pragma GCC unroll 2
      for (std::size_t b = 0; b < 2; ++b)
        four[h][b] = h % 2 ? _mm512_unpackhi_epi16(two[h / 2][2 * b], two[h / 2][2 * b + 1])
                           : _mm512_unpacklo_epi16(two[h / 2][2 * b], two[h / 2][2 * b + 1]);
#pragma GCC unroll 8
    for (std::size_t k = 0; k < 8; ++k)
      eight[k] = k % 2 ? _mm512_unpackhi_epi32(four[k / 2][0], four[k / 2][1])
                       : _mm512_unpacklo_epi32(four[k / 2][0], four[k / 2][1]);
#pragma GCC unroll 8
    for (std::size_t k = 0; k < 8; ++k) {
      const auto mask = static_cast<__mmask8>(is_row >> (8 * k));
      const __m512d before = _mm512_maskz_loadu_pd(mask, sums + 8 * k);
      _mm512_mask_storeu_pd(sums + 8 * k, mask, _mm512_add_pd(before, _mm512_castsi512_pd(eight[k])));
    }
  }
}

}  // namespace

KOLOSAL_VBMI void find_lane_leaves_by_vbmi(const LaneNodes* nodes, std::size_t n_nodes, std::size_t n_groups,
                                           const std::int8_t* row, std::size_t n_columns,
                                           const std::uint64_t* outside, std::uint8_t* leaves) {
  find_in(nodes, n_nodes, n_groups, row, n_columns, outside, leaves);
}

KOLOSAL_VBMI void find_lane_leaves_by_vbmi(const SmallLaneNodes* nodes, std::size_t n_nodes,
                                           std::size_t n_groups, const std::int8_t* row,
                                           std::size_t n_columns, const std::uint64_t* outside,
                                           std::uint8_t* leaves) {
  find_in(nodes, n_nodes, n_groups, row, n_columns, outside, leaves);
}

KOLOSAL_VBMI void find_symmetric_leaves_by_vbmi(const LaneLevel* levels, std::size_t n_levels,
                                                const std::int8_t* row, std::size_t n_columns,
                                                std::uint8_t* leaves) {
  if (n_columns <= kLanes) return find_symmetric_of(levels, n_levels, RowBins<1>(row), leaves);
  if (n_columns <= 2 * kLanes) return find_symmetric_of(levels, n_levels, RowBins<2>(row), leaves);
  find_symmetric_of(levels, n_levels, RowBins<4>(row), leaves);
}

KOLOSAL_VBMI void add_leaves_by_vbmi(const double* values, std::size_t n_values, const std::uint8_t* leaves,
                                     std::size_t n, double* sums) {
  if (n_values <= kLanes) return add_of<1>(values, n_values, leaves, n, sums);
  add_of<2>(values, n_values, leaves, n, sums);
}

KOLOSAL_VBMI void mark_outside_by_vbmi(const std::int8_t* categories, const std::uint8_t* set,
                                       std::size_t n_rows, std::int8_t* out) {
  const __m512i words = _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(set)));
  const __m512i bits = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201ULL));
  const __m512i inside = _mm512_set1_epi8(-128), outside = _mm512_set1_epi8(127);
  for (std::size_t r = 0; r < n_rows; r += kLanes) {
    // A category is stored 128 too low, which flips its top bit: bit 4 of the number of its byte. What comes
    // from the byte beside does not count: the look-up takes six bits, and the table is there twice.
    const __m512i flipped = _mm512_loadu_si512(categories + r);
    const __m512i byte = _mm512_xor_si512(_mm512_srli_epi16(flipped, 3), _mm512_set1_epi8(16));
    const __m512i word = _mm512_permutexvar_epi8(byte, words), bit = _mm512_permutexvar_epi8(flipped, bits);
    _mm512_storeu_si512(out + r, _mm512_mask_mov_epi8(inside, _mm512_testn_epi8_mask(word, bit), outside));
  }
}

}  // namespace kolosal::kernel

#endif
