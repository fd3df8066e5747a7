#include "kolosal/transform/quantile_sketch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kolosal/transform/statistics_internal.hpp"

namespace kolosal::transform {
namespace {

const std::vector<double> kShares = {0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};

std::vector<double> ordered(std::size_t n, const std::string& order) {
  Rng rng(n);
  std::vector<double> out(n);
  for (double& number : out) number = std::exp(2 * rng.normal());
  if (order != "random") std::ranges::sort(out);
  if (order == "falling") std::ranges::reverse(out);
  if (order == "few values")
    for (double& number : out) number = std::floor(std::min(number, 9.0));
  return out;
}

// How far the rank of a quantile is from where it should be, as a share of all numbers.
double rank_error(const std::vector<double>& sorted, double share, double got) {
  const auto n = static_cast<double>(sorted.size());
  const auto [begin, end] = std::ranges::equal_range(sorted, got);
  const double low = static_cast<double>(begin - sorted.begin()) / n;
  const double high = static_cast<double>(end - sorted.begin()) / n;
  return std::max({0.0, low - share, share - high});
}

TEST(QuantileSketch, IsExactForFewNumbers) {
  for (const std::size_t n : {1UL, 2UL, 3UL, 1000UL, QuantileSketch::kExact}) {
    auto numbers = ordered(n, "random");
    QuantileSketch sketch;
    for (std::size_t begin = 0; begin < n; begin += 777)
      sketch.add(std::span(numbers).subspan(begin, std::min<std::size_t>(777, n - begin)));
    const auto got = sketch.quantiles(kShares);
    for (std::size_t q = 0; q < kShares.size(); ++q) EXPECT_EQ(got[q], quantile_of(numbers, kShares[q]));
  }
  EXPECT_EQ(QuantileSketch().quantiles(kShares), std::vector<double>(kShares.size()));
}

TEST(QuantileSketch, KeepsItsRankErrorAndItsSize) {
  for (const char* order : {"random", "rising", "falling", "few values"}) {
    SCOPED_TRACE(order);
    auto numbers = ordered(120'000, order);
    QuantileSketch one_by_one, batches, parts;
    batches.add(numbers);
    for (std::size_t begin = 0; begin < numbers.size(); begin += 30'000) {
      QuantileSketch part;
      part.add(std::span(numbers).subspan(begin, 30'000));
      parts.merge(part);
      for (std::size_t i = begin; i < begin + 30'000; i += 10) one_by_one.add(std::span(&numbers[i], 10));
    }
    std::ranges::sort(numbers);
    for (const QuantileSketch* sketch : {&one_by_one, &batches, &parts}) {
      EXPECT_EQ(sketch->count(), 120'000U);
      EXPECT_LT(sketch->n_kept(), 26'000U);
      const auto got = sketch->quantiles(kShares);
      for (std::size_t q = 0; q < kShares.size(); ++q)
        EXPECT_LT(rank_error(numbers, kShares[q], got[q]), QuantileSketch::kRankError) << kShares[q];
    }
  }
}

TEST(QuantileSketch, MergingWithAnEmptyOneChangesNothing) {
  const auto numbers = ordered(100, "random");
  QuantileSketch sketch, empty;
  sketch.add(numbers);
  const auto before = sketch.quantiles(kShares);
  sketch.merge(empty);
  empty.merge(sketch);
  EXPECT_EQ(sketch.quantiles(kShares), before);
  EXPECT_EQ(empty.quantiles(kShares), before);
}

}  // namespace
}  // namespace kolosal::transform
