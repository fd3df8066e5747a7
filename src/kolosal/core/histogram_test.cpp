#include "kolosal/core/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "kolosal/core/random.hpp"

namespace kolosal {
namespace {

TEST(Histogram, SmallNumbersAreExact) {
  Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);
  for (std::uint64_t value = 1; value <= 10; ++value) histogram.add(value);
  EXPECT_EQ(histogram.count(), 10U);
  EXPECT_EQ(histogram.quantile(0), 1);
  EXPECT_EQ(histogram.quantile(0.5), 5);
  EXPECT_EQ(histogram.quantile(0.95), 10);
  EXPECT_EQ(histogram.quantile(1), 10);
}

TEST(Histogram, QuantilesAreNearThoseOfTheSortedNumbers) {
  Histogram histogram;
  Rng rng(7);
  std::vector<double> values;
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::exp(20 * rng.uniform());
    values.push_back(std::floor(value));
    histogram.add(static_cast<std::uint64_t>(value));
  }
  std::ranges::sort(values);
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double want = values[static_cast<std::size_t>(std::ceil(q * 20'000)) - 1];
    EXPECT_NEAR(histogram.quantile(q), want, want / 32 + 0.5) << q;
  }
}

TEST(Histogram, TakesNumbersOfAnySize) {
  Histogram histogram;
  histogram.add(std::numeric_limits<std::uint64_t>::max());
  EXPECT_NEAR(histogram.quantile(0.5), 0x1p48, 0x1p44);
  histogram.add_seconds(-1);
  histogram.add_seconds(1e300);
  EXPECT_EQ(histogram.quantile(0), 0);
  EXPECT_EQ(histogram.count(), 3U);
}

TEST(Histogram, CountsWhatManyThreadsAdd) {
  Histogram histogram;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 16; ++t)
      threads.emplace_back([&histogram, t] {
        for (int i = 0; i < 1'000; ++i) histogram.add(t);
      });
  }
  EXPECT_EQ(histogram.count(), 16'000U);
  EXPECT_EQ(histogram.quantile(0.5), 7);
}

}  // namespace
}  // namespace kolosal
