#include "kolosal/model/mlp_quantized.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"
#include "kolosal/kernel/testing/random_floats.hpp"
#include "kolosal/model/mlp_predictor.hpp"
#include "kolosal/model/whole_points.hpp"

namespace kolosal::model {
namespace {

using kernel::random_floats;

TEST(QuantizedWeights, AreWithinHalfAStepAndRoundedOnlyOnce) {
  for (const int bits : {8, 4}) {
    auto weights = random_floats(130 * 5, 3);
    for (std::size_t k = 0; k < 130; ++k) weights[k * 5 + 2] = 0;         // a column of nothing
    for (std::size_t k = 0; k < 130; ++k) weights[k * 5 + 3] *= 1000.0F;  // it must not spoil the others
    const auto once = QuantizedWeights::of(weights, 130, 5, bits);
    EXPECT_EQ(once.n_groups(), bits == 8 ? 1U : 3U);
    const auto rounded = once.rounded();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const float step = once.steps[i / 5 / once.group_depth() * 5 + i % 5];
      EXPECT_LE(std::fabs(rounded[i] - weights[i]), 0.501F * step) << i;
    }
    const auto twice = QuantizedWeights::of(rounded, 130, 5, bits);
    EXPECT_EQ(twice.numbers, once.numbers);
    for (std::size_t i = 0; i < once.steps.size(); ++i)
      EXPECT_NEAR(twice.steps[i], once.steps[i], 1e-6 * once.steps[i]);
  }
}

using kernel::CpuLevel;
using kernel::name_of_level;

class QuantizedLayers : public kernel::EveryCpu {};
KOLOSAL_ON_EVERY_CPU(QuantizedLayers);

TEST_P(QuantizedLayers, ComputeWhatThePlainLoopDoes) {
  for (const int bits : {8, 4})
    for (const float limit : {0.0F, 2.5F})
      for (const std::size_t depth : {1U, 63U, 64U, 65U, 200U}) {
        SCOPED_TRACE(::testing::Message() << bits << " bits, limit " << limit << ", depth " << depth);
        const std::size_t n_rows = 6, n_columns = 19;
        auto x = random_floats(n_rows * depth, 5);
        std::fill_n(x.begin() + static_cast<std::ptrdiff_t>(2 * depth), depth, 0.0F);  // a row of nothing
        const auto weights =
            QuantizedWeights::of(random_floats(depth * n_columns, 6), depth, n_columns, bits);
        const QuantizedLayer layer(weights, limit);
        std::vector<float> got = random_floats(n_rows * n_columns, 7), want = got, alone = got;
        QuantizedScratch scratch;
        layer.add(x.data(), n_rows, got.data(), scratch);
        for (std::size_t i = 0; i < n_rows; ++i) {
          layer.add(x.data() + i * depth, 1, alone.data() + i * n_columns, scratch);
          float most = limit;
          for (std::size_t k = 0; k < depth && limit == 0; ++k)
            most = std::max(most, std::fabs(x[i * depth + k]));
          if (most == 0) continue;
          for (std::size_t j = 0; j < n_columns; ++j)
            for (std::size_t begin = 0; begin < depth; begin += weights.group_depth()) {
              std::int32_t sum = 0;
              for (std::size_t k = begin; k < std::min(begin + weights.group_depth(), depth); ++k) {
                const float q = std::clamp(x[i * depth + k] * (127 / most), -127.0F, 127.0F);
                sum += static_cast<std::int32_t>(std::nearbyint(q)) * weights.numbers[k * n_columns + j];
              }
              want[i * n_columns + j] +=
                  static_cast<float>(sum) *
                  (most / 127 * weights.steps[begin / weights.group_depth() * n_columns + j]);
            }
        }
        EXPECT_EQ(got, want);
        EXPECT_EQ(alone, want);
      }
}

TEST(QuantizedLayer, FirstOnesWhoseInputsAreMostlyZeroStayInFloat32) {
  MlpShape shape;
  shape.n_fixed = shape.n_numbers = 300;
  EXPECT_TRUE(shape.pays_in_whole_numbers(0));
  shape.n_fixed += 4800;
  shape.n_bins.assign(300, 16);
  EXPECT_FALSE(shape.pays_in_whole_numbers(0));
  EXPECT_TRUE(shape.pays_in_whole_numbers(1));
}

TEST(QuantizedLayer, SmallOnesStayInFloat32) {
  EXPECT_TRUE(QuantizedLayer::pays(256, 256));
  EXPECT_FALSE(QuantizedLayer::pays(64, 64));
  EXPECT_FALSE(QuantizedLayer::pays(65'536, 1));
}

TEST(WholePoints, DistancesAreThoseOfTheRoundedCells) {
  constexpr std::size_t kRows = 50, kFeatures = 5, kNumbers = 3;
  const double missing = std::nan("");
  Rng rng(2);
  std::vector<double> cells(2 * kernel::kWholePoints * kFeatures, missing);
  const auto place = [&](std::vector<double>& of, std::size_t row, std::size_t f) -> double& {
    return of[(row / kernel::kWholePoints * kFeatures + f) * kernel::kWholePoints +
              row % kernel::kWholePoints];
  };
  for (std::size_t row = 0; row < kRows; ++row)
    for (std::size_t f = 0; f < kFeatures; ++f)
      if (row < 32 || rng.below(5) > 0)
        place(cells, row, f) = f < kNumbers ? rng.normal() : static_cast<double>(rng.below(3));
  place(cells, 7, 1) = 1000;  // far beyond the others: cut
  const double step = WholePoints::step_of(cells, kFeatures, kNumbers);
  EXPECT_LT(step, 1000.0 / 127);
  ASSERT_FALSE(WholePoints::fits(cells, kFeatures, kNumbers, step));  // too coarse beside codes
  place(cells, 7, 1) = 5;
  const double fine = WholePoints::step_of(cells, kFeatures, kNumbers);
  ASSERT_TRUE(WholePoints::fits(cells, kFeatures, kNumbers, fine));
  const WholePoints points(cells, kRows, kFeatures, kNumbers, fine);
  auto rounded = points.cells();
  EXPECT_EQ(WholePoints(rounded, kRows, kFeatures, kNumbers, fine).cells().size(), rounded.size());
  const double row[] = {0.3, missing, -1.2, 1, 300};
  WholeRow query;
  points.set_row(row, std::vector<std::uint32_t>{0, 2, 3, 4}, query);
  EXPECT_FALSE(query.is_complete);
  double out[kernel::kWholePoints];
  for (std::size_t group = 0; group < 2; ++group) {
    const double least = points.distances(group, query, std::numeric_limits<double>::infinity(), out);
    EXPECT_EQ(least, *std::ranges::min_element(out));
    double other[kernel::kWholePoints];
    EXPECT_EQ(points.distances(group, query, least, other), least);  // not above the limit
    EXPECT_TRUE(std::ranges::equal(other, out));
    for (std::size_t p = 0; p < kernel::kWholePoints && group * kernel::kWholePoints + p < kRows; ++p) {
      double sum = 0, n = 0;
      for (std::size_t f = 0; f < kFeatures; ++f) {
        const double cell = place(rounded, group * kernel::kWholePoints + p, f);
        if (std::isnan(cell) || std::isnan(row[f])) continue;
        ++n;
        const double rest = std::nearbyint(row[f] / fine) * fine - cell;
        sum += f < kNumbers ? rest * rest : cell != row[f] ? 1 : 0;
      }
      EXPECT_NEAR(out[p], n == 0 ? std::numeric_limits<double>::infinity() : sum / n, 2e-3) << p;
    }
  }
}

TEST(WholePoints, WhatTheyCanNotHoldIsTold) {
  std::vector<double> cells(2 * kernel::kWholePoints, 3.0);
  EXPECT_TRUE(WholePoints::fits(cells, 2, 1, 0.1));
  EXPECT_FALSE(WholePoints::fits({}, 0, 0, 0.1));
  for (const double step : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity(), 1e-9, 1.0})
    EXPECT_FALSE(WholePoints::fits(cells, 2, 1, step)) << step;
  cells.back() = 127;  // a code too large
  EXPECT_FALSE(WholePoints::fits(cells, 2, 1, 0.1));
  EXPECT_TRUE(WholePoints::fits(cells, 2, 2, 0.1));
}

TEST(MlpNetworkInWholeNumbers, RefusesADamagedDescription) {
  MlpShape shape;
  shape.n_fixed = 3;
  shape.width = 4;
  const MlpNetwork network(shape);
  const auto load = [&](std::int64_t bits, const std::vector<float>& limits) {
    artifact::Node node;
    network.save(node);
    node.set(MlpNetwork::kWeightBits, bits);
    node.set_array(MlpNetwork::kInputLimits, limits);
    return MlpNetwork::load(node, shape);
  };
  EXPECT_EQ(load(8, {1, 2, 3}).quantization().limits.size(), 3U);
  EXPECT_EQ(load(4, {}).quantization().bits, 4);
  EXPECT_ERROR(load(5, {}), kModel, ::testing::HasSubstr("5 bits"));
  EXPECT_ERROR(load(8, {1}), kModel, ::testing::HasSubstr("damaged"));
  EXPECT_ERROR(load(8, {1, 2, std::nanf("")}), kModel, ::testing::HasSubstr("damaged"));
}

}  // namespace
}  // namespace kolosal::model
