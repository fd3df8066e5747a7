#include "kolosal/kernel/symmetric_trees.hpp"

#include <algorithm>

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {

void add_to_histograms(const std::uint32_t* rows, const std::uint8_t* slots, std::size_t n,
                       const std::int64_t* value, const BinGroup& group, std::int64_t* histogram) {
  // Four columns at once: rows in a row often meet the same cell, and then each addition waits for the one
  // before; the other columns fill the time.
  std::int64_t* const first = histogram + group.offset[0];
  std::int64_t* const second = histogram + group.offset[1];
  std::int64_t* const third = histogram + group.offset[2];
  std::int64_t* const fourth = histogram + group.offset[3];
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t row = rows[i];
    const std::uint32_t bins = group.bins[row];
    const std::int64_t v = value[row];
    const std::size_t at = slots[i] * group.stride;
    first[at + (bins & 255)] += v;
    second[at + (bins >> 8 & 255)] += v;
    third[at + (bins >> 16 & 255)] += v;
    fourth[at + (bins >> 24)] += v;
  }
}

KOLOSAL_KERNEL(void, add_split_scores,
               (const std::int64_t* cells, std::size_t n_bins, float l2, float* numerator, float* denominator,
                float* divided),
               (cells, n_bins, l2, numerator, denominator, divided)) {
  constexpr std::size_t kMost = 256;
  std::int32_t g[kMost], w[kMost];
  std::int64_t sum = 0;
  for (std::size_t b = 0; b < n_bins; ++b) {
    sum += cells[b];
    g[b] = gradient_of(sum);
    w[b] = weight_of(sum);
  }
  const std::int32_t total_g = gradient_of(sum), total_w = weight_of(sum);
  if (total_w == 0) return;
#pragma GCC ivdep
  for (std::size_t b = 0; b < n_bins - 1; ++b) {
    const float left_w = static_cast<float>(w[b]), right_w = static_cast<float>(total_w - w[b]);
    const float left_g = static_cast<float>(g[b]), right_g = static_cast<float>(total_g - g[b]);
    const float left = left_g / (left_w + l2), right = right_g / (right_w + l2);
    numerator[b] += left * left_g + right * right_g;
    denominator[b] += left * left * left_w + right * right * right_w;
    divided[b] += std::min(left_w, right_w);
  }
}

KOLOSAL_KERNEL(void, add_leaf_bits,
               (const std::uint8_t* bins, std::uint8_t border, unsigned level, std::size_t n,
                std::uint8_t* leaves),
               (bins, border, level, n, leaves)) {
  const auto bit = static_cast<std::uint8_t>(1U << level);
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i)
    leaves[i] = static_cast<std::uint8_t>(leaves[i] | (bins[i] > border ? bit : std::uint8_t{0}));
}

}  // namespace kolosal::kernel
