// Compiled once for each CPU by foreach_target.hpp, as byte_index.cpp is.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kolosal/kernel/integer_products.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include "kolosal/kernel/integer_products.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kolosal/kernel/baseline_vectors.hpp"
#include "kolosal/kernel/highway_choice.hpp"

#if HWY_ARCH_X86
#include <immintrin.h>
#endif

#ifndef KOLOSAL_INTEGER_TILES
#define KOLOSAL_INTEGER_TILES
namespace kolosal::kernel {

// Rows and depths that are computed together. 4 rows by 16 columns are 8 of the 16 registers of AVX2; the
// numbers of a chunk fit into the first cache beside a panel.
constexpr std::size_t kTileRows = 4;
constexpr std::size_t kChunkQuads = 128;

/// A chunk of some rows: those fours of depths of which not all are 0.
struct IntegerTile {
  std::int32_t quads[kTileRows][kChunkQuads];  ///< four numbers of 8 bits each
  std::uint32_t at[kChunkQuads];               ///< which fours of the chunk
  std::size_t n = 0;

  template <std::size_t kRows>
  void take(const std::int8_t* a, std::size_t a_stride, std::size_t n_quads) {
    n = 0;
    for (std::size_t q = 0; q < n_quads; ++q) {
      std::int32_t any = 0;
      for (std::size_t r = 0; r < kRows; ++r) {
        std::memcpy(&quads[r][n], a + r * a_stride + 4 * q, 4);
        any |= quads[r][n];
      }
      at[n] = static_cast<std::uint32_t>(q);
      n += any != 0 ? 1 : 0;
    }
  }
};

}  // namespace kolosal::kernel
#endif

HWY_BEFORE_NAMESPACE();
namespace kolosal::kernel::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR
namespace hn = ::kolosal::kernel::baseline;
#else
namespace hn = hwy::HWY_NAMESPACE;
#endif

/// The first and third of four numbers of 8 bits as two of 16 bits, or the second and fourth.
struct PairOfQuad {
  static std::int32_t even(std::int32_t quad) {
    return static_cast<std::int32_t>((static_cast<std::uint32_t>(static_cast<std::int8_t>(quad)) & 0xFFFFU) |
                                     static_cast<std::uint32_t>(static_cast<std::int8_t>(quad >> 16)) << 16);
  }
  static std::int32_t odd(std::int32_t quad) { return even(quad >> 8); }
};

using Sums8 = hn::CappedTag<std::int32_t, 16>;
using Sums4 = hn::CappedTag<std::int32_t, 8>;

/// The weights of one four of depths of a panel, for pairs of depths: `even` are the first and third.
/// 8 bits: 64 bytes of 16 columns.
struct Weights8 {
  using Tag = Sums8;
  static constexpr std::size_t kBytes = 64;
  static constexpr std::size_t kVectors = kIntegerColumns / hn::MaxLanes(Tag());
  using Pairs = hn::Repartition<std::int16_t, Tag>;
  template <typename Use>
  HWY_INLINE static void read(const std::uint8_t* p, const Use& use) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) {
      const auto both =
          hn::LoadU(Pairs(), reinterpret_cast<const std::int16_t*>(p) + v * hn::MaxLanes(Pairs()));
      use(v, hn::ShiftRight<8>(hn::ShiftLeft<8>(both)), hn::ShiftRight<8>(both));
    }
  }
};

/// 4 bits: 32 bytes; a byte has a number of one of the first 8 columns in its lower half and of the column 8
/// further on in its upper one.
struct Weights4 {
  using Tag = Sums4;
  static constexpr std::size_t kBytes = 32;
  static constexpr std::size_t kVectors = kIntegerColumns / hn::MaxLanes(Tag());
  using Pairs = hn::Repartition<std::int16_t, Tag>;
  template <typename Use>
  HWY_INLINE static void read(const std::uint8_t* p, const Use& use) {
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kVectors / 2; ++v) {
      const auto four =
          hn::LoadU(Pairs(), reinterpret_cast<const std::int16_t*>(p) + v * hn::MaxLanes(Pairs()));
      use(v, hn::ShiftRight<12>(hn::ShiftLeft<12>(four)), hn::ShiftRight<12>(hn::ShiftLeft<4>(four)));
      use(v + kVectors / 2, hn::ShiftRight<12>(hn::ShiftLeft<8>(four)), hn::ShiftRight<12>(four));
    }
  }
};

/// sums (of stride) of kRows rows of one panel += those of a chunk.
template <typename Weights, std::size_t kRows>
HWY_ATTR void add_tile(const IntegerTile& pairs_even, const IntegerTile& pairs_odd, std::size_t n,
                       const std::uint32_t* at, const std::uint8_t* panel, std::int32_t* sums,
                       std::size_t stride) {
  const typename Weights::Tag d;
  const typename Weights::Pairs pairs;
  using Sum = hn::Vec<typename Weights::Tag>;
  using Pair = hn::Vec<typename Weights::Pairs>;
  constexpr std::size_t kLanes = hn::MaxLanes(typename Weights::Tag()), kVectors = Weights::kVectors;
  Sum sum[kRows][kVectors];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = hn::LoadU(d, sums + r * stride + v * kLanes);
  for (std::size_t i = 0; i < n; ++i) {
    // The weights stay in registers, and one row's factors at a time.
    Pair even[kVectors], odd[kVectors];
    Weights::read(panel + std::size_t{at[i]} * Weights::kBytes,
                  [&](std::size_t v, auto first, auto second) HWY_ATTR {
                    even[v] = first;
                    odd[v] = second;
                  });
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kRows; ++r) {
      const auto a_even = hn::BitCast(pairs, hn::Set(d, pairs_even.quads[r][i]));
      const auto a_odd = hn::BitCast(pairs, hn::Set(d, pairs_odd.quads[r][i]));
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v) {
        sum[r][v] = hn::ReorderWidenMulAccumulate(d, even[v], a_even, sum[r][v], sum[r][v]);
        sum[r][v] = hn::ReorderWidenMulAccumulate(d, odd[v], a_odd, sum[r][v], sum[r][v]);
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[r][v], d, sums + r * stride + v * kLanes);
}

/// A chunk of one row: those fours of which not all are 0.
HWY_ATTR void take_row(const std::int8_t* a, std::size_t n_quads, IntegerTile& even, IntegerTile& odd) {
  even.take<1>(a, 0, n_quads);
  for (std::size_t i = 0; i < even.n; ++i) {
    odd.quads[0][i] = PairOfQuad::odd(even.quads[0][i]);
    even.quads[0][i] = PairOfQuad::even(even.quads[0][i]);
  }
}

/// A chunk of several rows, with all its fours.
HWY_ATTR void take_rows(const std::int8_t* a, std::size_t a_stride, std::size_t n_quads, IntegerTile& even,
                        IntegerTile& odd) {
  const Weights8::Tag d;
  const Weights8::Pairs pairs;
  const std::size_t lanes = hn::Lanes(d);
  even.n = n_quads;
  for (std::size_t q = 0; q < n_quads; ++q) even.at[q] = static_cast<std::uint32_t>(q);
  for (std::size_t r = 0; r < kTileRows; ++r) {
    const std::int8_t* const row = a + r * a_stride;
    std::size_t q = 0;
    for (; q + lanes <= n_quads; q += lanes) {
      const auto both = hn::LoadU(pairs, reinterpret_cast<const std::int16_t*>(row) + 2 * q);
      hn::StoreU(hn::BitCast(d, hn::ShiftRight<8>(hn::ShiftLeft<8>(both))), d, even.quads[r] + q);
      hn::StoreU(hn::BitCast(d, hn::ShiftRight<8>(both)), d, odd.quads[r] + q);
    }
    for (; q < n_quads; ++q) {
      std::int32_t quad;
      std::memcpy(&quad, row + 4 * q, sizeof(quad));
      even.quads[r][q] = PairOfQuad::even(quad);
      odd.quads[r][q] = PairOfQuad::odd(quad);
    }
  }
}

template <typename Weights, std::size_t kRows>
HWY_ATTR void multiply_rows(const std::int8_t* a, std::size_t a_stride, const std::uint8_t* panels,
                            std::size_t n_quads, std::size_t n_panels, std::int32_t* sums) {
  const std::size_t stride = n_panels * kIntegerColumns;
  std::fill_n(sums, kRows * stride, 0);
  IntegerTile even, odd;
  for (std::size_t first = 0; first < n_quads; first += kChunkQuads) {
    const std::size_t n_here = std::min(kChunkQuads, n_quads - first);
    if constexpr (kRows == 1)
      take_row(a + 4 * first, n_here, even, odd);
    else
      take_rows(a + 4 * first, a_stride, n_here, even, odd);
    for (std::size_t p = 0; p < n_panels; ++p)
      add_tile<Weights, kRows>(even, odd, even.n, even.at, panels + (p * n_quads + first) * Weights::kBytes,
                               sums + p * kIntegerColumns, stride);
  }
}

template <typename Weights>
HWY_ATTR void multiply(const std::int8_t* a, std::size_t a_stride, std::size_t n_rows,
                       const std::uint8_t* panels, std::size_t n_quads, std::size_t n_panels,
                       std::int32_t* sums) {
  const std::size_t stride = n_panels * kIntegerColumns;
  std::size_t i = 0;
  for (; i + kTileRows <= n_rows; i += kTileRows)
    multiply_rows<Weights, kTileRows>(a + i * a_stride, a_stride, panels, n_quads, n_panels,
                                      sums + i * stride);
  for (; i < n_rows; ++i)
    multiply_rows<Weights, 1>(a + i * a_stride, a_stride, panels, n_quads, n_panels, sums + i * stride);
}

HWY_ATTR void multiply8(const std::int8_t* a, std::size_t a_stride, std::size_t n_rows,
                        const std::uint8_t* panels, std::size_t n_quads, std::size_t n_panels,
                        std::int32_t* sums) {
  multiply<Weights8>(a, a_stride, n_rows, panels, n_quads, n_panels, sums);
}
HWY_ATTR void multiply4(const std::int8_t* a, std::size_t a_stride, std::size_t n_rows,
                        const std::uint8_t* panels, std::size_t n_quads, std::size_t n_panels,
                        std::int32_t* sums) {
  multiply<Weights4>(a, a_stride, n_rows, panels, n_quads, n_panels, sums);
}

#if HWY_TARGET == HWY_SCALAR

float largest_magnitude_body(const float* x, std::size_t n) {
  float out = 0;
  for (std::size_t i = 0; i < n; ++i) out = std::fabs(x[i]) > out ? std::fabs(x[i]) : out;
  return out;
}

void quantize_row_body(const float* x, std::size_t n, float inverse_step, std::int8_t* out) {
  for (std::size_t i = 0; i < n; ++i) {
    float v = x[i] * inverse_step;
    v = v > -127.0F ? v : -127.0F;
    v = v < 127.0F ? v : 127.0F;
    out[i] = static_cast<std::int8_t>(std::lrintf(v));
  }
}

void add_scaled_sums_body(const std::int32_t* sums, float row_step, const float* column_step, std::size_t n,
                          float* out) {
  for (std::size_t j = 0; j < n; ++j) out[j] += static_cast<float>(sums[j]) * (row_step * column_step[j]);
}

#else

using Floats = hn::CappedTag<float, 8>;

HWY_ATTR float largest_magnitude_body(const float* x, std::size_t n) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  constexpr std::size_t kSideBySide = 4;
  hn::Vec<Floats> most[kSideBySide];
  for (auto& one : most) one = hn::Zero(d);
  std::size_t i = 0;
  for (; i + kSideBySide * lanes <= n; i += kSideBySide * lanes)
#pragma GCC unroll 4
    for (std::size_t s = 0; s < kSideBySide; ++s) {
      const auto size = hn::Abs(hn::LoadU(d, x + i + s * lanes));
      // Not Max(): which of NaN and a number that is is up to the CPU.
      most[s] = hn::IfThenElse(hn::Gt(size, most[s]), size, most[s]);
    }
  float out = 0;
  for (const auto& one : most) {
    float parts[8] = {};
    hn::StoreU(one, d, parts);
    for (const float part : parts) out = part > out ? part : out;
  }
  for (; i < n; ++i) out = std::fabs(x[i]) > out ? std::fabs(x[i]) : out;
  return out;
}

HWY_ATTR void quantize_row_body(const float* x, std::size_t n, float inverse_step, std::int8_t* out) {
  const Floats d;
  const hn::Rebind<std::int8_t, Floats> small;
  const std::size_t lanes = hn::Lanes(d);
  const auto inverse = hn::Set(d, inverse_step), low = hn::Set(d, -127.0F), high = hn::Set(d, 127.0F);
  const auto round = [&](auto v) HWY_ATTR {
    v = hn::Mul(v, inverse);
    v = hn::IfThenElse(hn::Gt(v, low), v, low);
    v = hn::IfThenElse(hn::Lt(v, high), v, high);
    return hn::DemoteTo(small, hn::NearestInt(v));
  };
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(round(hn::LoadU(d, x + i)), small, out + i);
  if (i == n) return;
  float rest[8] = {};
  std::int8_t made[16] = {};
  std::copy(x + i, x + n, rest);
  hn::StoreU(round(hn::LoadU(d, rest)), small, made);
  std::copy_n(made, n - i, out + i);
}

HWY_ATTR void add_scaled_sums_body(const std::int32_t* sums, float row_step, const float* column_step,
                                   std::size_t n, float* out) {
  const Floats d;
  const hn::RebindToSigned<Floats> whole;
  const std::size_t lanes = hn::Lanes(d);
  const auto step = hn::Set(d, row_step);
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    const auto sum = hn::ConvertTo(d, hn::LoadU(whole, sums + j));
    const auto scaled = hn::Mul(sum, hn::Mul(step, hn::LoadU(d, column_step + j)));
    hn::StoreU(hn::Add(hn::LoadU(d, out + j), scaled), d, out + j);
  }
  for (; j < n; ++j) out[j] += static_cast<float>(sums[j]) * (row_step * column_step[j]);
}

#endif

}  // namespace kolosal::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kolosal::kernel {
namespace {

#if HWY_ARCH_X86 && defined(__GNUC__)
#define KOLOSAL_VNNI __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx512vnni,fma")))

/// Sums of fours of numbers without and with a sign. The weights get 128 more to lose their sign; the sums
/// begin with what that adds too much.
template <std::size_t kRows>
KOLOSAL_VNNI void multiply_rows_by_vnni(const std::int8_t* a, std::size_t a_stride,
                                        const std::uint8_t* panels, std::size_t n_quads, std::size_t n_panels,
                                        std::int32_t* sums) {
  const std::size_t stride = n_panels * kIntegerColumns;
  const __m512i shift = _mm512_set1_epi8(static_cast<char>(0x80));
  IntegerTile tile;
  for (std::size_t first = 0; first < n_quads; first += kChunkQuads) {
    const std::size_t n_here = std::min(kChunkQuads, n_quads - first);
    tile.take<kRows>(a + 4 * first, a_stride, n_here);
    __m512i start[kRows];
    for (std::size_t r = 0; r < kRows; ++r) {
      std::int32_t total = 0;
      for (std::size_t k = 0; k < 4 * n_here; ++k) total += a[r * a_stride + 4 * first + k];
      start[r] = _mm512_set1_epi32(-128 * total);
    }
    for (std::size_t p = 0; p < n_panels; ++p) {
      const std::uint8_t* const panel = panels + (p * n_quads + first) * 64;
      __m512i sum[kRows];
      for (std::size_t r = 0; r < kRows; ++r) sum[r] = start[r];
      for (std::size_t i = 0; i < tile.n; ++i) {
        const __m512i weights =
            _mm512_xor_si512(_mm512_loadu_si512(panel + std::size_t{tile.at[i]} * 64), shift);
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kRows; ++r)
          sum[r] = _mm512_dpbusd_epi32(sum[r], weights, _mm512_set1_epi32(tile.quads[r][i]));
      }
      for (std::size_t r = 0; r < kRows; ++r) {
        std::int32_t* const to = sums + r * stride + p * kIntegerColumns;
        const __m512i before = first == 0 ? _mm512_setzero_si512() : _mm512_loadu_si512(to);
        _mm512_storeu_si512(to, _mm512_add_epi32(before, sum[r]));
      }
    }
  }
  if (n_quads == 0) std::fill_n(sums, kRows * stride, 0);
}

void multiply8_by_vnni(const std::int8_t* a, std::size_t a_stride, std::size_t n_rows,
                       const std::uint8_t* panels, std::size_t n_quads, std::size_t n_panels,
                       std::int32_t* sums) {
  const std::size_t stride = n_panels * kIntegerColumns;
  std::size_t i = 0;
  for (; i + kTileRows <= n_rows; i += kTileRows)
    multiply_rows_by_vnni<kTileRows>(a + i * a_stride, a_stride, panels, n_quads, n_panels,
                                     sums + i * stride);
  for (; i < n_rows; ++i)
    multiply_rows_by_vnni<1>(a + i * a_stride, a_stride, panels, n_quads, n_panels, sums + i * stride);
}
#endif

std::size_t n_quads_of(std::size_t depth) { return padded_depth(depth) / 4; }
std::size_t n_panels_of(std::size_t n_columns) { return padded_columns(n_columns) / kIntegerColumns; }

}  // namespace

bool has_integer_dot_products() {
#if HWY_ARCH_X86 && defined(__GNUC__)
  static const bool can = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512vnni") != 0;
  }();
  return can && cpu_level() >= CpuLevel::kAvx512;
#else
  return false;
#endif
}

void pack_int8_panels(const std::int8_t* b, std::size_t depth, std::size_t n_columns, std::int8_t* out) {
  for (std::size_t first = 0; first < n_columns; first += kIntegerColumns) {
    const std::size_t n = std::min(kIntegerColumns, n_columns - first);
    for (std::size_t k = 0; k < padded_depth(depth); ++k) {
      // Number k % 4 of its four, column by column.
      std::int8_t* const to = out + k / 4 * 4 * kIntegerColumns + k % 4;
      const std::int8_t* const from = b + k * n_columns + first;
      const std::size_t n_given = k < depth ? n : 0;
      for (std::size_t c = 0; c < n_given; ++c) to[4 * c] = from[c];
      for (std::size_t c = n_given; c < kIntegerColumns; ++c) to[4 * c] = 0;
    }
    out += padded_depth(depth) * kIntegerColumns;
  }
}

void pack_int4_panels(const std::int8_t* b, std::size_t depth, std::size_t n_columns, std::uint8_t* out) {
  const auto number = [&](std::size_t k, std::size_t j) {
    return k < depth && j < n_columns ? static_cast<unsigned>(b[k * n_columns + j]) & 0xFU : 0U;
  };
  for (std::size_t first = 0; first < n_columns; first += kIntegerColumns)
    for (std::size_t k = 0; k < padded_depth(depth); k += 4)
      for (std::size_t c = first; c < first + kIntegerColumns / 2; ++c)
        for (std::size_t d = k; d < k + 4; ++d)
          *out++ = static_cast<std::uint8_t>(number(d, c) | number(d, c + kIntegerColumns / 2) << 4);
}

void int8_products(const std::int8_t* a, std::size_t a_stride, std::size_t n_rows, const std::int8_t* panels,
                   std::size_t depth, std::size_t n_columns, std::int32_t* sums) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(panels);
#if HWY_ARCH_X86 && defined(__GNUC__)
  if (has_integer_dot_products())
    return multiply8_by_vnni(a, a_stride, n_rows, bytes, n_quads_of(depth), n_panels_of(n_columns), sums);
#endif
  KOLOSAL_ON_CPU(cpu_level(),
                 multiply8(a, a_stride, n_rows, bytes, n_quads_of(depth), n_panels_of(n_columns), sums));
}

void int4_products(const std::int8_t* a, std::size_t a_stride, std::size_t n_rows, const std::uint8_t* panels,
                   std::size_t depth, std::size_t n_columns, std::int32_t* sums) {
  KOLOSAL_ON_CPU(cpu_level(),
                 multiply4(a, a_stride, n_rows, panels, n_quads_of(depth), n_panels_of(n_columns), sums));
}

float largest_magnitude(const float* x, std::size_t n) {
  return KOLOSAL_ON_CPU(cpu_level(), largest_magnitude_body(x, n));
}

void quantize_row(const float* x, std::size_t n, float inverse_step, std::int8_t* out) {
  KOLOSAL_ON_CPU(cpu_level(), quantize_row_body(x, n, inverse_step, out));
}

void add_scaled_sums(const std::int32_t* sums, float row_step, const float* column_step, std::size_t n,
                     float* out) {
  KOLOSAL_ON_CPU(cpu_level(), add_scaled_sums_body(sums, row_step, column_step, n, out));
}

}  // namespace kolosal::kernel
#endif
