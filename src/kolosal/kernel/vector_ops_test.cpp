#include "kolosal/kernel/vector_ops.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class VectorOps : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(VectorOps);

std::vector<double> noise(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<double> out(n);
  for (double& value : out) value = rng.normal();
  return out;
}

TEST_P(VectorOps, DotIsThePlainSumAtOddSizesAndAlignments) {
  const auto a = noise(300, 1);
  const auto b = noise(300, 2);
  for (std::size_t start : {0, 1, 3})
    for (std::size_t n : {0, 1, 2, 15, 16, 17, 31, 32, 33, 100, 255, 297}) {
      double want = 0, magnitude = 0;
      for (std::size_t i = 0; i < n; ++i) {
        want += a[start + i] * b[i];
        magnitude += std::fabs(a[start + i] * b[i]);
      }
      const double tolerance =
          static_cast<double>(n + 1) * std::numeric_limits<double>::epsilon() * magnitude;
      EXPECT_NEAR(dot(a.data() + start, b.data(), n), want, tolerance) << "start " << start << ", n " << n;
    }
}

TEST_P(VectorOps, AxpyAndShiftScaleAreThePlainLoopsToTheLastBit) {
  const auto x = noise(70, 3);
  const auto factor = noise(70, 4);
  for (std::size_t n : {0, 1, 7, 8, 9, 16, 65, 69}) {
    auto got = noise(71, 5), want = got;
    axpy(1.7, x.data() + 1, got.data() + 1, n);
    for (std::size_t i = 0; i < n; ++i) want[i + 1] += 1.7 * x[i + 1];
    EXPECT_EQ(got, want) << "axpy, n " << n;
    shift_scale(x.data(), factor.data(), got.data() + 1, n);
    for (std::size_t i = 0; i < n; ++i) want[i + 1] = (want[i + 1] - x[i]) * factor[i];
    EXPECT_EQ(got, want) << "shift_scale, n " << n;
  }
}

TEST_P(VectorOps, NotANumberComesThrough) {
  std::vector<double> a(20, 1.0), b(20, 1.0);
  a[18] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(dot(a.data(), b.data(), 20)));
  EXPECT_EQ(dot(a.data(), b.data(), 18), 18.0);
}

}  // namespace
}  // namespace kolosal::kernel
