// Compiled once for each CPU by foreach_target.hpp, as byte_index.cpp is.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kolosal/kernel/bf16_products.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include "kolosal/kernel/bf16_products.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "kolosal/kernel/highway_choice.hpp"

#if HWY_ARCH_X86
#include <immintrin.h>
#endif

HWY_BEFORE_NAMESPACE();
namespace kolosal::kernel::HWY_NAMESPACE {

/// Sums of kRows rows and one panel: out has kBf16Columns numbers for each row.
#if HWY_TARGET == HWY_SCALAR

constexpr std::size_t kTileRows = 1;

template <std::size_t kRows>
void sum_tile(const std::uint16_t* rows, std::size_t depth, const std::uint16_t* panel, float* out) {
  const auto number = [](std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); };
  for (std::size_t r = 0; r < kRows; ++r) {
    float sum[2][kBf16Columns] = {};
    for (std::size_t k = 0; k < depth; ++k) {
      const float factor = number(rows[r * depth + k]);
      const std::uint16_t* const from = panel + k / 2 * 2 * kBf16Columns + k % 2;
      for (std::size_t c = 0; c < kBf16Columns; ++c) sum[k % 2][c] += factor * number(from[2 * c]);
    }
    for (std::size_t c = 0; c < kBf16Columns; ++c) out[r * kBf16Columns + c] = sum[0][c] + sum[1][c];
  }
}

#else

namespace hn = hwy::HWY_NAMESPACE;

// 3 rows x 2 vectors x (even and odd depths) are 12 of the 16 registers of AVX2.
constexpr std::size_t kTileRows = 3;

template <std::size_t kRows>
HWY_ATTR void sum_tile(const std::uint16_t* rows, std::size_t depth, const std::uint16_t* panel, float* out) {
  const hn::CappedTag<float, kBf16Columns> d;
  const hn::RebindToUnsigned<decltype(d)> bits;
  using Sum = hn::Vec<decltype(d)>;
  constexpr std::size_t kLanes = hn::MaxLanes(hn::CappedTag<float, kBf16Columns>());
  constexpr std::size_t kVectors = kBf16Columns / kLanes;
  // A pair of depths is a number of 32 bits; a bfloat16 is the upper half of a float32.
  const auto upper = hn::Set(bits, 0xFFFF0000U);
  Sum even[kRows][kVectors], odd[kRows][kVectors];
#pragma GCC unroll 3
  for (std::size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) even[r][v] = odd[r][v] = hn::Zero(d);
  for (std::size_t k = 0; k < depth; k += 2) {
    const auto* const from = reinterpret_cast<const std::uint32_t*>(panel + k * kBf16Columns);
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) {
      const auto pairs = hn::LoadU(bits, from + v * kLanes);
      const auto first = hn::BitCast(d, hn::ShiftLeft<16>(pairs)),
                 second = hn::BitCast(d, hn::And(pairs, upper));
#pragma GCC unroll 3
      for (std::size_t r = 0; r < kRows; ++r) {
        std::uint32_t pair;
        std::memcpy(&pair, rows + r * depth + k, sizeof(pair));
        const auto factor = hn::Set(bits, pair);
        // No fused operation: the portable body has none. Products of two such numbers are exact anyway.
        even[r][v] = hn::Add(even[r][v], hn::Mul(hn::BitCast(d, hn::ShiftLeft<16>(factor)), first));
        odd[r][v] = hn::Add(odd[r][v], hn::Mul(hn::BitCast(d, hn::And(factor, upper)), second));
      }
    }
  }
#pragma GCC unroll 3
  for (std::size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v)
      hn::StoreU(hn::Add(even[r][v], odd[r][v]), d, out + r * kBf16Columns + v * kLanes);
}

#endif

HWY_ATTR void sum_rows(const std::uint16_t* rows, std::size_t n_rows, std::size_t depth,
                       const std::uint16_t* panel, float* out) {
  std::size_t i = 0;
  for (; i + kTileRows <= n_rows; i += kTileRows)
    sum_tile<kTileRows>(rows + i * depth, depth, panel, out + i * kBf16Columns);
  for (; i < n_rows; ++i) sum_tile<1>(rows + i * depth, depth, panel, out + i * kBf16Columns);
}

}  // namespace kolosal::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kolosal::kernel {
namespace {

#if HWY_ARCH_X86 && defined(__GNUC__)
#define KOLOSAL_BF16 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx512bf16,fma")))

template <std::size_t kRows>
KOLOSAL_BF16 void sum_tile_by_instruction(const std::uint16_t* rows, std::size_t depth,
                                          const std::uint16_t* panel, float* out) {
  __m512 sum[kRows];
  for (std::size_t r = 0; r < kRows; ++r) sum[r] = _mm512_setzero_ps();
  for (std::size_t k = 0; k < depth; k += 2) {
    const __m512i pairs = _mm512_loadu_si512(panel + k * kBf16Columns);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; ++r) {
      std::int32_t pair;
      std::memcpy(&pair, rows + r * depth + k, sizeof(pair));
      const __m512i factor = _mm512_set1_epi32(pair);
      __m512bh left, right;
      std::memcpy(&left, &factor, sizeof(left));
      std::memcpy(&right, &pairs, sizeof(right));
      sum[r] = _mm512_dpbf16_ps(sum[r], left, right);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) _mm512_storeu_ps(out + r * kBf16Columns, sum[r]);
}

void sum_rows_by_instruction(const std::uint16_t* rows, std::size_t n_rows, std::size_t depth,
                             const std::uint16_t* panel, float* out) {
  constexpr std::size_t kTile = 8;
  std::size_t i = 0;
  for (; i + kTile <= n_rows; i += kTile)
    sum_tile_by_instruction<kTile>(rows + i * depth, depth, panel, out + i * kBf16Columns);
  for (; i < n_rows; ++i) sum_tile_by_instruction<1>(rows + i * depth, depth, panel, out + i * kBf16Columns);
}
#endif

void sum_rows_of(const std::uint16_t* rows, std::size_t n_rows, std::size_t depth, const std::uint16_t* panel,
                 float* out) {
#if HWY_ARCH_X86 && defined(__GNUC__)
  if (has_bf16_dot_products()) return sum_rows_by_instruction(rows, n_rows, depth, panel, out);
#endif
  KOLOSAL_ON_CPU(cpu_level(), sum_rows(rows, n_rows, depth, panel, out));
}

}  // namespace

bool has_bf16_dot_products() {
#if HWY_ARCH_X86 && defined(__GNUC__)
  static const bool can = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") != 0;
  }();
  return can && cpu_level() >= CpuLevel::kAvx512;
#else
  return false;
#endif
}

void add_bf16_products(const std::uint16_t* rows, std::size_t n_rows, const std::uint16_t* panels,
                       std::size_t depth, std::size_t n_columns, float* out, std::size_t out_stride) {
  constexpr std::size_t kBlock = 24;
  const std::size_t padded = bf16_depth(depth);
  float sums[kBlock * kBf16Columns];
  for (std::size_t j = 0; j < n_columns; j += kBf16Columns) {
    const std::size_t columns = std::min(kBf16Columns, n_columns - j);
    for (std::size_t i = 0; i < n_rows; i += kBlock) {
      const std::size_t n = std::min(kBlock, n_rows - i);
      sum_rows_of(rows + i * padded, n, padded, panels + j * padded, sums);
      for (std::size_t r = 0; r < n; ++r)
        for (std::size_t c = 0; c < columns; ++c)
          out[(i + r) * out_stride + j + c] += sums[r * kBf16Columns + c];
    }
  }
}

}  // namespace kolosal::kernel
#endif
