#include "kolosal/kernel/elementary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class Elementary : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(Elementary);

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using ArrayFunction = void (*)(const double*, double*, std::size_t);

// The oracle is long double arithmetic of the C library; the bound is relative.
void expect_close(ArrayFunction function, const std::function<long double(long double)>& oracle,
                  const std::vector<double>& x, double bound) {
  std::vector<double> got(x.size());
  function(x.data(), got.data(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto want = static_cast<double>(oracle(static_cast<long double>(x[i])));
    if (std::isnan(want)) {
      EXPECT_TRUE(std::isnan(got[i])) << x[i];
    } else if (std::isinf(want)) {
      EXPECT_EQ(got[i], want) << x[i];
    } else {
      EXPECT_LE(std::abs(got[i] - want), bound * std::abs(want) + 5e-324)
          << "x " << x[i] << ", got " << got[i];
    }
  }
}

// Magnitudes of all exponents between 2^low and 2^high, with the signs asked for.
std::vector<double> spread(int low, int high, bool negative, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<double> out;
  for (int i = 0; i < 20'000; ++i) {
    const double magnitude = std::ldexp(
        1 + rng.uniform(), low + static_cast<int>(rng.below(static_cast<std::uint64_t>(high - low))));
    out.push_back(negative && rng.below(2) ? -magnitude : magnitude);
  }
  return out;
}

TEST_P(Elementary, LogarithmsAreThoseOfTheLibrary) {
  const auto log1p_of = [](long double x) { return std::log1p(x); };
  expect_close(log1p, log1p_of, spread(-1070, 1023, false, 1), 4e-16);
  expect_close(log1p, log1p_of, spread(-60, 0, true, 2), 4e-16);
  expect_close(log1p, log1p_of,
               {0.0, -1.0, -1.5, kInf, -kInf, kNaN, -0.9999999999999999, 0.41421356, -0.29289321}, 4e-16);
  const auto log_of = [](long double x) { return std::log(x); };
  expect_close(log, log_of, spread(-1074, 1023, false, 3), 4e-16);
  expect_close(log, log_of, {0.0, -1.0, 1.0, kInf, -kInf, kNaN, 5e-324, 1 + 1e-15, 1 - 1e-15}, 4e-16);
}

TEST_P(Elementary, ExponentialIsThatOfTheLibrary) {
  const auto expm1_of = [](long double x) { return std::expm1(x); };
  expect_close(expm1, expm1_of, spread(-1060, 9, true, 4), 4e-16);
  expect_close(expm1, expm1_of, spread(-6, 6, true, 5), 4e-16);
  expect_close(expm1, expm1_of, {0.0, 709.78, 709.79, 1e308, -745.2, -1e308, kInf, -kInf, kNaN, -50.0, -36.0},
               4e-16);
}

long double plain_power(long double x, long double lambda) {
  const auto one_sided = [](long double u, long double power) {
    return std::abs(power) < 2.220446049250313e-16L ? std::log1p(u)
                                                    : std::expm1(power * std::log1p(u)) / power;
  };
  return x < 0 ? -one_sided(-x, 2 - lambda) : one_sided(x, lambda);
}

TEST_P(Elementary, PowersAreTheirFormulas) {
  for (const double lambda : {-2.5, -0.3, 0.0, 1e-17, 0.4, 1.0, 2.0, 2.0 + 1e-12, 3.7}) {
    SCOPED_TRACE(lambda);
    const auto x = spread(-20, 20, true, 6);
    std::vector<double> direct(x.size()), logs(x.size()), by_log(x.size()), back(x.size());
    yeo_johnson(x.data(), lambda, direct.data(), x.size());
    signed_log1p(x.data(), logs.data(), x.size());
    yeo_johnson_of_log(logs.data(), lambda, by_log.data(), x.size());
    yeo_johnson_inverse(direct.data(), lambda, back.data(), x.size());
    EXPECT_EQ(direct, by_log);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto want = static_cast<double>(plain_power(static_cast<long double>(x[i]), lambda));
      // An error of a logarithm of at most 14 is multiplied by |lambda|.
      ASSERT_NEAR(direct[i], want, 3e-14 * std::abs(want)) << x[i];
      // Digits that the power has lost near its bound 1 / lambda do not come back.
      const double power = x[i] < 0 ? 2 - lambda : lambda;
      if (power >= 0) {
        ASSERT_NEAR(back[i], x[i], 1e-12 * std::abs(x[i]));
      }
    }
  }
}

TEST_P(Elementary, PowerOfLogIsBoxCox) {
  const std::vector<double> logs = {-3, -0.1, 0, 0.5, 4};
  std::vector<double> got(logs.size());
  power_of_log(logs.data(), 0.0, got.data(), logs.size());
  EXPECT_EQ(got, logs);
  power_of_log(logs.data(), -0.5, got.data(), logs.size());
  for (std::size_t i = 0; i < logs.size(); ++i)
    EXPECT_NEAR(got[i], (std::pow(std::exp(logs[i]), -0.5) - 1) / -0.5, 1e-14);
}

TEST_P(Elementary, NormalQuantileIsThatOfSciPy) {
  // scipy.special.ndtri
  const std::vector<double> p = {1e-300, 1e-20,   1e-12, 1e-07, 0.001,  0.0749,           0.0751,
                                 0.3,    0.49999, 0.7,   0.925, 0.9999, 0.999999999999999};
  const std::vector<double> want = {-37.0470962993612,   -9.262340089798409,  -7.034483825301131,
                                    -5.1993375821928165, -3.090232306167813,  -1.4402382675279635,
                                    -1.4388253927525403, -0.5244005127080409, -2.5066282748960008e-05,
                                    0.5244005127080407,  1.4395314709384563,  3.719016485455709,
                                    7.941444487415979};
  std::vector<double> got(p.size());
  normal_quantile(p.data(), got.data(), p.size());
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(got[i], want[i], 2e-15 * std::abs(want[i])) << p[i];
  const std::vector<double> edges = {0, 1, 0.5, -0.1, 1.1, kNaN};
  normal_quantile(edges.data(), got.data(), edges.size());
  EXPECT_EQ(got[0], -kInf);
  EXPECT_EQ(got[1], kInf);
  EXPECT_EQ(got[2], 0.0);
  for (std::size_t i = 3; i < 6; ++i) EXPECT_TRUE(std::isnan(got[i])) << edges[i];
}

TEST_P(Elementary, SpecialNumbersComeThrough) {
  const std::vector<double> x = {kNaN, kInf, -kInf, 0.0};
  std::vector<double> got(x.size());
  yeo_johnson(x.data(), 0.5, got.data(), x.size());
  EXPECT_TRUE(std::isnan(got[0]));
  EXPECT_EQ(got[1], kInf);
  EXPECT_EQ(got[2], -kInf);
  EXPECT_EQ(got[3], 0.0);
  const double above = 3.0;
  yeo_johnson_inverse(&above, -0.5, got.data(), 1);  // powers of -0.5 stay below 2
  EXPECT_TRUE(std::isnan(got[0]));
}

TEST_P(Elementary, InPlaceAndOddSizesGiveTheSame) {
  const auto x = spread(-5, 5, false, 7);
  std::vector<double> whole(x.size());
  log1p(x.data(), whole.data(), x.size());
  for (std::size_t n : {1, 3, 7, 8, 9, 15, 17, 63}) {
    std::vector<double> part(x.begin() + 1, x.begin() + 1 + static_cast<std::ptrdiff_t>(n));
    log1p(part.data(), part.data(), n);
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(part[i], whole[i + 1]) << n;
  }
}

// Beside the oracles, which allow for rounding: the bits are those of the plain body.
TEST_P(Elementary, EveryBodyGivesTheSameBytes) {
  auto x = spread(-1074, 1023, true, 9);
  const auto near_one = spread(-3, 3, true, 10);
  x.insert(x.end(), near_one.begin(), near_one.end());
  x.insert(x.end(), {0.0, -0.0, 1.0, -1.0, kInf, -kInf, kNaN});
  const ArrayFunction functions[] = {
      log1p,
      expm1,
      log,
      signed_log1p,
      normal_quantile,
      [](const double* in, double* out, std::size_t n) { power_of_log(in, 0.3, out, n); },
      [](const double* in, double* out, std::size_t n) { yeo_johnson(in, -0.7, out, n); },
      [](const double* in, double* out, std::size_t n) { yeo_johnson_of_log(in, 1.6, out, n); },
      [](const double* in, double* out, std::size_t n) { yeo_johnson_inverse(in, 0.4, out, n); }};
  for (std::size_t f = 0; f < std::size(functions); ++f) {
    std::vector<double> got(x.size()), want(x.size());
    set_cpu_level(GetParam());
    functions[f](x.data(), got.data(), x.size());
    set_cpu_level(CpuLevel::kBaseline);
    functions[f](x.data(), want.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_TRUE(std::isnan(want[i])
                      ? std::isnan(got[i])
                      : std::bit_cast<std::uint64_t>(got[i]) == std::bit_cast<std::uint64_t>(want[i]))
          << "function " << f << ", x " << x[i];
  }
}

}  // namespace
}  // namespace kolosal::kernel
