#include "kolosal/kernel/ordering.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class Ordering : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(Ordering);

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST_P(Ordering, CountsKnotsAsUpperBoundDoes) {
  for (const std::size_t n_knots : {0, 1, 2, 3, 4, 7, 8, 100, 1000}) {
    Rng rng(n_knots);
    std::vector<double> knots(n_knots);
    for (double& knot : knots) knot = std::round(rng.normal() * 20);
    std::ranges::sort(knots);
    auto padded = knots;
    padded.resize(std::bit_ceil(n_knots + 1), kInf);
    for (const std::size_t n : {0, 1, 15, 16, 17, 100}) {
      std::vector<double> x(n);
      for (std::size_t i = 0; i < n; ++i)
        x[i] = i % 9 == 4 ? kNaN : i % 11 == 5 ? -kInf : std::round(rng.normal() * 20);
      std::vector<std::uint32_t> got(n);
      count_not_above(padded.data(), padded.size(), x.data(), got.data(), n);
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_EQ(got[i], std::isnan(x[i]) ? 0 : std::ranges::upper_bound(knots, x[i]) - knots.begin())
            << n_knots << " knots, x " << x[i];
    }
  }
}

}  // namespace
}  // namespace kolosal::kernel
