// Compiled once for each CPU by foreach_target.hpp; the portable body is the one of the baseline.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kolosal/kernel/half_products.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include "kolosal/kernel/half_products.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "kolosal/core/half_floats.hpp"
#include "kolosal/kernel/float_products.hpp"
#include "kolosal/kernel/highway_choice.hpp"

HWY_BEFORE_NAMESPACE();
namespace kolosal::kernel::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3

namespace hn = hwy::HWY_NAMESPACE;

/// kPanels panels side by side: a running sum waits for the addition before it.
template <std::size_t kPanels>
HWY_INLINE void add_panels(const float* values, const std::uint16_t* panels, std::size_t depth, float* out) {
  const hn::CappedTag<float, kPanelColumns> floats;
  const hn::Rebind<hwy::float16_t, decltype(floats)> halves;
  constexpr std::size_t kLanes = hn::MaxLanes(hn::CappedTag<float, kPanelColumns>());
  constexpr std::size_t kVectors = kPanelColumns / kLanes;
  hn::Vec<decltype(floats)> sum[kPanels * kVectors];
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kPanels * kVectors; ++v) sum[v] = hn::LoadU(floats, out + v * kLanes);
  for (std::size_t k = 0; k < depth; ++k) {
    const auto factor = hn::Set(floats, values[k]);
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kPanels * kVectors; ++v) {
      const std::uint16_t* const from =
          panels + (v / kVectors * depth + k) * kPanelColumns + v % kVectors * kLanes;
      const auto weights =
          hn::PromoteTo(floats, hn::LoadU(halves, reinterpret_cast<const hwy::float16_t*>(from)));
      // Not fused: the batches, and the portable body, are not.
      sum[v] = hn::Add(sum[v], hn::Mul(factor, weights));
    }
  }
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kPanels * kVectors; ++v) hn::StoreU(sum[v], floats, out + v * kLanes);
}

#else

template <std::size_t kPanels>
void add_panels(const float* values, const std::uint16_t* panels, std::size_t depth, float* out) {
  for (std::size_t p = 0; p < kPanels; ++p, out += kPanelColumns)
    for (std::size_t k = 0; k < depth; ++k, panels += kPanelColumns)
      for (std::size_t j = 0; j < kPanelColumns; ++j) out[j] += values[k] * from_float16(panels[j]);
}

#endif

HWY_ATTR void add_products_of_row_body(const float* values, const std::uint16_t* panels, std::size_t depth,
                                       std::size_t n_columns, float* out) {
  constexpr std::size_t kPanels = HWY_TARGET == HWY_AVX3 ? 8 : 4;  // eight registers of sums
  constexpr std::size_t kTogether = kPanels * kPanelColumns;
  std::size_t j = 0;
  for (; j + kTogether <= n_columns; j += kTogether)
    add_panels<kPanels>(values, panels + j * depth, depth, out + j);
  for (; j < n_columns; j += kPanelColumns) {
    const std::size_t n = std::min(kPanelColumns, n_columns - j);
    float corner[kPanelColumns] = {};
    std::copy_n(out + j, n, corner);
    add_panels<1>(values, panels + j * depth, depth, corner);
    std::copy_n(corner, n, out + j);
  }
}

}  // namespace kolosal::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kolosal::kernel {

bool reads_float16() { return cpu_level() != CpuLevel::kBaseline; }

void to_float16s(const float* x, std::size_t n, std::uint16_t* out) {
  std::transform(x, x + n, out, to_float16);
}

bool are_float16s(const float* x, std::size_t n) {
  return std::all_of(
      x, x + n, [](float value) { return std::isfinite(value) && from_float16(to_float16(value)) == value; });
}

void add_products_of_row(const float* values, const std::uint16_t* panels, std::size_t depth,
                         std::size_t n_columns, float* out) {
  KOLOSAL_ON_CPU(cpu_level(), add_products_of_row_body(values, panels, depth, n_columns, out));
}

}  // namespace kolosal::kernel
#endif
