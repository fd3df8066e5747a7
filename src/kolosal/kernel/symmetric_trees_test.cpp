#include "kolosal/kernel/symmetric_trees.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class SymmetricTrees : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(SymmetricTrees);

TEST_P(SymmetricTrees, PackedSumsAreBothSums) {
  const std::int64_t sum = pack_sums(-7, 5) + pack_sums(3, 1 << 29) + pack_sums(-1, 0);
  EXPECT_EQ(gradient_of(sum), -5);
  EXPECT_EQ(weight_of(sum), (1 << 29) + 5);
}

TEST_P(SymmetricTrees, HistogramsHoldTheListedRowsByColumn) {
  const std::size_t n = 500, n_slots = 4;
  Rng rng(1);
  std::vector<std::uint32_t> bins, rows;
  std::vector<std::uint8_t> slots;
  std::vector<std::int64_t> value;
  for (std::uint32_t i = 0; i < n; ++i) {
    bins.push_back(static_cast<std::uint32_t>(rng.below(10) | rng.below(256) << 8 | rng.below(2) << 16));
    value.push_back(pack_sums(static_cast<std::int32_t>(rng.below(2000)) - 1000, 3));
    if (rng.below(3) == 0) continue;
    rows.push_back(i);
    slots.push_back(static_cast<std::uint8_t>(rng.below(n_slots)));
  }
  const BinGroup group{bins.data(), {0, 10, 266, 268}, 269};
  std::vector<std::int64_t> histogram(n_slots * group.stride, 0), wanted(histogram);
  add_to_histograms(rows.data(), slots.data(), rows.size(), value.data(), group, histogram.data());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (unsigned lane = 0; lane < 4; ++lane)
      wanted[slots[i] * group.stride + group.offset[lane] + (bins[rows[i]] >> (8 * lane) & 255)] +=
          value[rows[i]];
  EXPECT_EQ(histogram, wanted);
}

TEST_P(SymmetricTrees, ScoresAreTheFormula) {
  Rng rng(2);
  for (const std::size_t n_bins : {2, 3, 17, 255, 256}) {
    std::vector<std::int64_t> cells;
    for (std::size_t b = 0; b < n_bins; ++b)
      cells.push_back(pack_sums(static_cast<std::int32_t>(rng.below(2001)) - 1000,
                                static_cast<std::int32_t>(rng.below(50))));
    cells[0] = 0;  // border 0 divides nothing
    std::vector<float> numerator(n_bins, 1.0F), denominator(n_bins, 2.0F), divided(n_bins, 0.0F);
    add_split_scores(cells.data(), n_bins, 3, numerator.data(), denominator.data(), divided.data());
    double total_g = 0, total_w = 0, g = 0, w = 0;
    for (const std::int64_t cell : cells) total_g += gradient_of(cell), total_w += weight_of(cell);
    for (std::size_t b = 0; b + 1 < n_bins; ++b) {
      g += gradient_of(cells[b]), w += weight_of(cells[b]);
      const double left = g / (w + 3), right = (total_g - g) / (total_w - w + 3);
      const double top = 1 + left * g + right * (total_g - g),
                   bottom = 2 + left * left * w + right * right * (total_w - w);
      EXPECT_NEAR(numerator[b], top, 1e-5 * top);
      EXPECT_NEAR(denominator[b], bottom, 1e-5 * bottom);
      EXPECT_EQ(divided[b], static_cast<float>(std::min(w, total_w - w)));
    }
    EXPECT_EQ(divided[0], 0.0F);
  }
}

TEST_P(SymmetricTrees, LeafBitsAreSetAboveTheBorder) {
  for (const std::size_t n : {0, 1, 15, 33, 1000}) {
    std::vector<std::uint8_t> bins(n), leaves(n, 1);
    for (std::size_t i = 0; i < n; ++i) bins[i] = static_cast<std::uint8_t>(i * 37);
    add_leaf_bits(bins.data(), 200, 7, n, leaves.data());
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(leaves[i], bins[i] > 200 ? 129 : 1);
  }
}

}  // namespace
}  // namespace kolosal::kernel
