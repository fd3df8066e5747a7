#include "kolosal/core/random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

namespace kolosal {
namespace {

// splitmix64 and xoshiro256++ by the reference C code of Blackman and Vigna, computed in Python.
TEST(Rng, GivesTheReferenceSequence) {
  Rng rng(42);
  const std::uint64_t want[] = {15021278609987233951ULL, 5881210131331364753ULL, 18149643915985481100ULL,
                                12933668939759105464ULL, 14637574242682825331ULL};
  for (const std::uint64_t value : want) EXPECT_EQ(rng(), value);
}

TEST(Rng, UniformIsInTheUnitIntervalWithTheRightMoments) {
  Rng rng(1);
  double sum = 0, sum_sq = 0;
  constexpr int n = 200'000;
  for (int i = 0; i < n; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    sum_sq += u * u;
  }
  // 5 standard errors: sqrt(1/12/n) and sqrt(4/45/n).
  EXPECT_NEAR(sum / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(sum_sq / n, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / n));
}

TEST(Rng, NormalHasMeanZeroAndVarianceOne) {
  Rng rng(2);
  double sum = 0, sum_sq = 0, sum_4 = 0;
  constexpr int n = 200'000;
  for (int i = 0; i < n; ++i) {
    const double z = rng.normal();
    sum += z;
    sum_sq += z * z;
    sum_4 += z * z * z * z;
  }
  EXPECT_NEAR(sum / n, 0, 5 * std::sqrt(1.0 / n));
  EXPECT_NEAR(sum_sq / n, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(sum_4 / n, 3, 5 * std::sqrt(96.0 / n));
}

TEST(Rng, BelowReachesAllValuesEquallyOften) {
  Rng rng(3);
  constexpr std::uint64_t n = 7;
  constexpr int n_draws = 70'000;
  std::vector<int> counts(n);
  for (int i = 0; i < n_draws; ++i) ++counts.at(rng.below(n));
  // Chi-square with 6 degrees of freedom: 22.5 is its 99.9 % point.
  double chi = 0;
  for (const int count : counts) chi += (count - 10'000.0) * (count - 10'000.0) / 10'000.0;
  EXPECT_LT(chi, 22.5);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(rng.below(1), 0U);
  const std::uint64_t huge = (std::uint64_t{1} << 63) + 1;
  for (int i = 0; i < 100; ++i) EXPECT_LT(rng.below(huge), huge);
}

TEST(Rng, ShuffleKeepsTheElementsAndDependsOnTheSeedAlone) {
  std::vector<int> a(100), b(100), other(100);
  for (auto* v : {&a, &b, &other}) std::iota(v->begin(), v->end(), 0);
  Rng(5).shuffle(a);
  Rng(5).shuffle(b);
  Rng(6).shuffle(other);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, other);
  EXPECT_FALSE(std::ranges::is_sorted(a));
  std::ranges::sort(a);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a[static_cast<std::size_t>(i)], i);
  std::vector<int> empty;
  Rng(5).shuffle(empty);
}

TEST(DeriveSeed, DependsOnEveryPartOfTheNameAndItsOrder) {
  std::set<std::uint64_t> seen;
  for (const std::uint64_t seed : {0ULL, 1ULL, ~0ULL}) {
    EXPECT_TRUE(seen.insert(derive_seed(seed, {})).second);
    EXPECT_TRUE(seen.insert(derive_seed(seed, {"trial"})).second);
    EXPECT_TRUE(seen.insert(derive_seed(seed, {"fold"})).second);
    EXPECT_TRUE(seen.insert(derive_seed(seed, {"trial", "fold"})).second);
    EXPECT_TRUE(seen.insert(derive_seed(seed, {"fold", "trial"})).second);
    EXPECT_TRUE(seen.insert(derive_seed(seed, {"trialfold"})).second);
    for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(derive_seed(seed, {"trial", i})).second);
  }
  EXPECT_EQ(derive_seed(7, {"trial", std::uint64_t{3}}), derive_seed(7, {"trial", std::uint64_t{3}}));
}

}  // namespace
}  // namespace kolosal
