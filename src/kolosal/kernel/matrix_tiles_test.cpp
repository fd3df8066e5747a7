#include "kolosal/kernel/matrix_tiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class MatrixTiles : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(MatrixTiles);

std::vector<double> random_numbers(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<double> out(n);
  for (double& value : out) value = rng.normal();
  return out;
}

TEST_P(MatrixTiles, ProductsAreTheRunningSumsOfThePlainLoop) {
  for (const std::size_t n : {0U, 1U, 2U, 7U, 64U, 129U}) {
    SCOPED_TRACE(n);
    constexpr std::size_t kWidth = kTileRows + 1;
    const auto a = random_numbers(n * kWidth + 1, n), b = random_numbers(n * kTileColumns + 1, n + 50);
    constexpr std::size_t kStride = kTileColumns + 3;
    std::vector<double> got(kTileRows * kStride, 0.5), want = got;
    add_tile_products(a.data() + 1, kWidth, b.data() + 1, n, got.data(), kStride);  // not aligned
    for (std::size_t i = 0; i < kTileRows; ++i)
      for (std::size_t j = 0; j < kTileColumns; ++j) {
        double sum = 0;
        for (std::size_t r = 0; r < n; ++r)
          sum = std::fma(a[1 + r * kWidth + i], b[1 + r * kTileColumns + j], sum);
        want[i * kStride + j] += sum;
      }
    EXPECT_EQ(got, want);
  }
}

TEST_P(MatrixTiles, DistancesAreTheRunningSumsOfThePlainLoop) {
  for (const std::size_t d : {0U, 1U, 3U, 30U, 65U}) {
    SCOPED_TRACE(d);
    const auto query = random_numbers(d + 1, d), points = random_numbers(d * kDistancePoints + 1, d + 50);
    std::vector<double> got(kDistancePoints + 1), want(kDistancePoints + 1);
    const double least = squared_distances(query.data() + 1, points.data() + 1, d, got.data() + 1);
    for (std::size_t p = 0; p < kDistancePoints; ++p)
      for (std::size_t f = 0; f < d; ++f) {
        const double rest = query[f + 1] - points[1 + f * kDistancePoints + p];
        want[p + 1] += rest * rest;
      }
    EXPECT_EQ(got, want);
    EXPECT_EQ(least, *std::min_element(want.begin() + 1, want.end()));
  }
}

}  // namespace
}  // namespace kolosal::kernel
