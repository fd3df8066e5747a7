// Compiled once for each CPU by foreach_target.hpp; the portable body is the one of the baseline.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kolosal/kernel/half_products.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include "kolosal/kernel/half_products.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "kolosal/core/half_floats.hpp"
#include "kolosal/kernel/float_products.hpp"
#include "kolosal/kernel/highway_choice.hpp"

HWY_BEFORE_NAMESPACE();
namespace kolosal::kernel::HWY_NAMESPACE {

constexpr std::size_t kDotLanes = 32;   // running sums that do not wait for each other
constexpr std::size_t kFewColumns = 8;  // fewer have a dot product each
constexpr std::size_t padded(std::size_t depth) { return (depth + kDotLanes - 1) / kDotLanes * kDotLanes; }

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::CappedTag<float, kPanelColumns>;
constexpr std::size_t kLanes = hn::MaxLanes(Floats());

/// Sums of kRows rows and kVectors vectors of columns, of as many panels as those are: their running sums
/// wait for the addition before, so about ten go side by side.
template <std::size_t kRows, std::size_t kVectors>
HWY_INLINE void add_tile(const float* a, std::size_t a_stride, const std::uint16_t* panels, std::size_t depth,
                         float* out, std::size_t out_stride) {
  const Floats floats;
  const hn::Rebind<hwy::float16_t, Floats> halves;
  constexpr std::size_t kPerPanel = kPanelColumns / kLanes;
  hn::Vec<Floats> sum[kRows][kVectors];
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v)
      sum[r][v] = hn::LoadU(floats, out + r * out_stride + v * kLanes);
#pragma GCC unroll 2
  for (std::size_t k = 0; k < depth; ++k) {
    hn::Vec<Floats> weights[kVectors];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::uint16_t* const from =
          panels + (v / kPerPanel * depth + k) * kPanelColumns + v % kPerPanel * kLanes;
      weights[v] = hn::PromoteTo(floats, hn::LoadU(halves, reinterpret_cast<const hwy::float16_t*>(from)));
    }
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kRows; ++r) {
      const auto factor = hn::Set(floats, a[r * a_stride + k]);
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(factor, weights[v], sum[r][v]);
    }
  }
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v)
      hn::StoreU(sum[r][v], floats, out + r * out_stride + v * kLanes);
}

template <std::size_t kRows>
constexpr std::size_t kTileVectors = kRows == 1 ? 8 : 2;

/// sums[lane] of the products at depths lane, lane + kDotLanes, ...; depth is a multiple of them.
HWY_INLINE void sum_lanes(const float* a, const std::uint16_t* column, std::size_t depth, float* sums) {
  const Floats floats;
  const hn::Rebind<hwy::float16_t, Floats> halves;
  constexpr std::size_t kVectors = kDotLanes / kLanes;
  hn::Vec<Floats> sum[kVectors];
#pragma GCC unroll 4
  for (std::size_t v = 0; v < kVectors; ++v) sum[v] = hn::Zero(floats);
  for (std::size_t k = 0; k < depth; k += kDotLanes)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) {
      const auto* const from = reinterpret_cast<const hwy::float16_t*>(column + k + v * kLanes);
      const auto weights = hn::PromoteTo(floats, hn::LoadU(halves, from));
      sum[v] = hn::MulAdd(hn::LoadU(floats, a + k + v * kLanes), weights, sum[v]);
    }
#pragma GCC unroll 4
  for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[v], floats, sums + v * kLanes);
}

#else

/// a * b + c, rounded once (Boldo and Melquiond, 2008): the product is exact in double, and the sum is
/// rounded to odd there, which the second rounding then can not get wrong.
float fused(float a, float b, float c) {
#if defined(__FP_FAST_FMAF)
  return std::fma(a, b, c);
#else
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const double sum = product + static_cast<double>(c);
  const double of_c = sum - product;
  const double error = (product - (sum - of_c)) + (static_cast<double>(c) - of_c);
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  const bool is_even = (bits & 1U) == 0, is_inexact = error < 0 || error > 0;  // not NaN: sum is no number
  const std::uint64_t away = (error > 0) == (sum > 0) ? 1 : ~std::uint64_t{0};
  const std::uint64_t odd = is_even && is_inexact ? away : 0;
  return static_cast<float>(std::bit_cast<double>(bits + odd));
#endif
}

constexpr std::size_t kLanes = kPanelColumns;
template <std::size_t kRows>
constexpr std::size_t kTileVectors = 1;

void sum_lanes(const float* a, const std::uint16_t* column, std::size_t depth, float* sums) {
  std::fill_n(sums, kDotLanes, 0.0F);
  for (std::size_t k = 0; k < depth; ++k)
    sums[k % kDotLanes] = fused(a[k], from_float16(column[k]), sums[k % kDotLanes]);
}

template <std::size_t kRows, std::size_t>
void add_tile(const float* a, std::size_t a_stride, const std::uint16_t* panel, std::size_t depth, float* out,
              std::size_t out_stride) {
  for (std::size_t k = 0; k < depth; ++k) {
    float weights[kPanelColumns];
    std::transform(panel + k * kPanelColumns, panel + (k + 1) * kPanelColumns, weights, from_float16);
    for (std::size_t r = 0; r < kRows; ++r)
      for (std::size_t j = 0; j < kPanelColumns; ++j)
        out[r * out_stride + j] = fused(a[r * a_stride + k], weights[j], out[r * out_stride + j]);
  }
}

#endif

template <std::size_t kRows>
HWY_ATTR void add_rows(const float* a, const std::uint16_t* panels, std::size_t depth, std::size_t n_columns,
                       float* out) {
  constexpr std::size_t kTogether = kTileVectors<kRows> * kLanes;
  std::size_t j = 0;
  for (; j + kTogether <= n_columns; j += kTogether)
    add_tile<kRows, kTileVectors<kRows>>(a, depth, panels + j * depth, depth, out + j, n_columns);
  for (; j < n_columns; j += kPanelColumns) {
    const std::size_t n = std::min(kPanelColumns, n_columns - j);
    float corner[kRows][kPanelColumns] = {};
    for (std::size_t r = 0; r < kRows; ++r) std::copy_n(out + r * n_columns + j, n, corner[r]);
    add_tile<kRows, kPanelColumns / kLanes>(a, depth, panels + j * depth, depth, corner[0], kPanelColumns);
    for (std::size_t r = 0; r < kRows; ++r) std::copy_n(corner[r], n, out + r * n_columns + j);
  }
}

/// a, depth by depth, times one column, which is packed to a multiple of kDotLanes.
HWY_ATTR float dot(const float* a, const std::uint16_t* column, std::size_t depth) {
  float sums[kDotLanes], rest[kDotLanes] = {};
  const std::size_t whole = depth / kDotLanes * kDotLanes;
  sum_lanes(a, column, whole, sums);
  if (whole < depth) {
    float more[kDotLanes];
    std::copy_n(a + whole, depth - whole, rest);
    sum_lanes(rest, column + whole, kDotLanes, more);
    for (std::size_t lane = 0; lane < kDotLanes; ++lane) sums[lane] += more[lane];
  }
  for (std::size_t half = kDotLanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

HWY_ATTR void add_half_products_body(const float* a, std::size_t n_rows, const std::uint16_t* panels,
                                     std::size_t depth, std::size_t n_columns, float* out) {
  if (n_columns < kFewColumns) {
    for (std::size_t i = 0; i < n_rows; ++i)
      for (std::size_t j = 0; j < n_columns; ++j)
        out[i * n_columns + j] += dot(a + i * depth, panels + j * padded(depth), depth);
    return;
  }
  constexpr std::size_t kTileRows = 6;  // with two vectors, 12 sums in 16 registers
  std::size_t i = 0;
  for (; i + kTileRows <= n_rows; i += kTileRows)
    add_rows<kTileRows>(a + i * depth, panels, depth, n_columns, out + i * n_columns);
  for (; i < n_rows; ++i) add_rows<1>(a + i * depth, panels, depth, n_columns, out + i * n_columns);
}

}  // namespace kolosal::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kolosal::kernel {

bool are_float16s(const float* x, std::size_t n) {
  return std::all_of(
      x, x + n, [](float value) { return std::isfinite(value) && from_float16(to_float16(value)) == value; });
}

using HWY_NAMESPACE::kFewColumns, HWY_NAMESPACE::padded;

std::size_t half_panels_size(std::size_t depth, std::size_t n_columns) {
  return n_columns < kFewColumns ? padded(depth) * n_columns : panels_size(depth, n_columns);
}

void pack_half_panels(const float* b, std::size_t depth, std::size_t n_columns, std::uint16_t* out) {
  if (n_columns < kFewColumns) {
    std::fill_n(out, half_panels_size(depth, n_columns), std::uint16_t{0});
    for (std::size_t j = 0; j < n_columns; ++j)
      for (std::size_t k = 0; k < depth; ++k) out[j * padded(depth) + k] = to_float16(b[k * n_columns + j]);
    return;
  }
  for (std::size_t j = 0; j < n_columns; j += kPanelColumns) {
    const std::size_t n = std::min(kPanelColumns, n_columns - j);
    for (std::size_t k = 0; k < depth; ++k, out += kPanelColumns) {
      const float* const from = b + k * n_columns + j;
      std::fill(std::transform(from, from + n, out, to_float16), out + kPanelColumns, std::uint16_t{0});
    }
  }
}

void add_half_products(const float* a, std::size_t n_rows, const std::uint16_t* panels, std::size_t depth,
                       std::size_t n_columns, float* out) {
  KOLOSAL_ON_CPU(cpu_level(), add_half_products_body(a, n_rows, panels, depth, n_columns, out));
}

}  // namespace kolosal::kernel
#endif
