#include "kolosal/kernel/column_ops.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/cpu.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"
#include "kolosal/kernel/vector_ops.hpp"

namespace kolosal::kernel {
namespace {

class ColumnOps : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(ColumnOps);

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Normal numbers with NaN, infinities and zeros of both signs among them.
std::vector<double> cells(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<double> out(n);
  for (double& cell : out) {
    const auto kind = rng.below(12);
    cell = kind == 0 ? kNaN : kind == 1 ? kInf : kind == 2 ? -kInf : kind == 3 ? -0.0 : 5 + rng.normal();
  }
  return out;
}

struct Results {
  BlockMoments moments;
  RangeCounts counts;
  std::vector<double> gathered, filled, divided;
  double dot_product = 0;
};

Results run(const double* x, std::size_t n) {
  Results out;
  out.moments = block_moments(x, n);
  out.counts = count_range(x, 4, 6, n);
  out.gathered.resize(n);
  out.gathered.resize(gather_range(x, 4, 6, out.gathered.data(), n));
  out.filled.resize(n);
  fill_not_finite(x, 3.5, out.filled.data(), n);
  out.divided.resize(n);
  centre_divide(x, 5, 3, out.divided.data(), n);
  clip(0.25, out.divided.data(), n);
  out.dot_product = dot(out.filled.data(), out.filled.data(), n);
  return out;
}

const std::size_t kSizes[] = {0, 1, 2, 7, 15, 16, 17, 31, 33, 100, 1023, 4096};

TEST_P(ColumnOps, AreThePlainLoops) {
  for (const std::size_t n : kSizes)
    for (const std::size_t start : {0U, 1U, 3U}) {
      SCOPED_TRACE(testing::Message() << "n " << n << ", start " << start);
      const auto column = cells(n + start, n + 7 * start);
      const double* x = column.data() + start;
      const Results got = run(x, n);
      std::vector<double> finite, within;
      for (std::size_t i = 0; i < n; ++i) {
        if (std::isfinite(x[i])) finite.push_back(x[i]);
        if (x[i] >= 4 && x[i] <= 6) within.push_back(x[i]);
        ASSERT_EQ(got.filled[i], std::isfinite(x[i]) ? x[i] : 3.5);
        const double z = (x[i] - 5) / 3;
        ASSERT_TRUE(std::isnan(z) ? std::isnan(got.divided[i])
                                  : got.divided[i] == std::clamp(z, -0.25, 0.25));
      }
      EXPECT_EQ(got.gathered, within);
      EXPECT_EQ(got.counts.n_finite, finite.size());
      EXPECT_EQ(got.counts.n_below,
                static_cast<std::size_t>(std::ranges::count_if(finite, [](double v) { return v < 4; })));
      EXPECT_EQ(got.counts.n_above,
                static_cast<std::size_t>(std::ranges::count_if(finite, [](double v) { return v > 6; })));
      EXPECT_EQ(got.moments.count, static_cast<double>(finite.size()));
      if (finite.empty()) continue;
      long double sum = 0, m2 = 0;
      for (const double cell : finite) sum += static_cast<long double>(cell);
      const long double mean = sum / static_cast<long double>(finite.size());
      for (const double cell : finite) m2 += (static_cast<long double>(cell) - mean) * (cell - mean);
      const double tolerance = 16 * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
      EXPECT_NEAR(got.moments.mean, static_cast<double>(mean), tolerance * 5);
      EXPECT_NEAR(got.moments.m2, static_cast<double>(m2), tolerance * static_cast<double>(m2 + 25));
      EXPECT_EQ(got.moments.low, std::ranges::min(finite));
      EXPECT_EQ(got.moments.high, std::ranges::max(finite));
    }
}

TEST_P(ColumnOps, OverflowOfTheSumsShows) {
  const std::vector<double> huge(40, 1.7e308);
  EXPECT_FALSE(std::isfinite(block_moments(huge.data(), 40).m2));
}

bool same_bytes(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

TEST(Cpu, EveryBodyGivesTheSameBytes) {
  const CpuLevel before = cpu_level();
  for (const std::size_t n : kSizes) {
    SCOPED_TRACE(n);
    const auto x = cells(n, 3 * n + 1);
    set_cpu_level(CpuLevel::kBaseline);
    EXPECT_EQ(cpu_level(), CpuLevel::kBaseline);
    const Results want = run(x.data(), n);
    for (const CpuLevel level : kCpuLevels) {
      set_cpu_level(level);
      const Results got = run(x.data(), n);
      EXPECT_EQ(std::memcmp(&got.moments, &want.moments, sizeof want.moments), 0);
      EXPECT_EQ(std::memcmp(&got.counts, &want.counts, sizeof want.counts), 0);
      EXPECT_TRUE(same_bytes(got.gathered, want.gathered));
      EXPECT_TRUE(same_bytes(got.filled, want.filled));
      EXPECT_TRUE(same_bytes(got.divided, want.divided));
      EXPECT_EQ(std::memcmp(&got.dot_product, &want.dot_product, sizeof(double)), 0);
    }
  }
  set_cpu_level(before);
}

TEST(CpuDeathTest, TheEnvironmentChooses) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  setenv("KOLOSAL_CPU", "baseline", 1);
  EXPECT_EXIT(std::exit(cpu_level() == CpuLevel::kBaseline ? 7 : 8), testing::ExitedWithCode(7), "");
  unsetenv("KOLOSAL_CPU");
}

}  // namespace
}  // namespace kolosal::kernel
