#include "kolosal/kernel/elementary.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kolosal/kernel/multiversion.hpp"
#include "kolosal/kernel/normal_quantile_terms.hpp"

// Each function of one number is straight-line code on doubles and 64-bit words (no conversion between double
// and int64, which AVX2 lacks), so that the compiler turns the loops over arrays into vectors.

namespace kolosal::kernel {
namespace {

#define KOLOSAL_INLINE [[gnu::always_inline]] inline

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// ln 2 in two parts: the first has 32 bits, so its products with an exponent are exact.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kLog2E = 0x1.71547652b82fep+0;
constexpr double kRound = 0x1.8p+52;  // added to |t| < 2^51, leaves round(t) in the low bits
constexpr std::uint64_t kMantissa = 0xfffffffffffffULL;
constexpr std::uint64_t kOneBits = std::bit_cast<std::uint64_t>(1.0);
constexpr std::uint64_t kRootHalfBits = std::bit_cast<std::uint64_t>(0x1.6a09e667f3bcdp-1);

/// exp(x) - 1 = 2^k (exp(r) - 1) + (2^k - 1), |r| <= ln(2) / 2, exp(r) - 1 by its series.
KOLOSAL_INLINE double expm1_one(double x) {
  double t = x < -50.0 ? -50.0 : x;  // exp(-50) is nothing beside 1
  t = t > 1000.0 ? 1000.0 : t;       // overflows in the last line
  const double rounded = t * kLog2E + kRound;
  const double k = rounded - kRound;
  const double r = (t - k * kLn2High) - k * kLn2Low;
  const double half_rounded = 0.5 * k + kRound;
  const double rest_rounded = (k - (half_rounded - kRound)) + kRound;
  const double scale_a = std::bit_cast<double>((std::bit_cast<std::uint64_t>(half_rounded) + 1023) << 52);
  const double scale_b = std::bit_cast<double>((std::bit_cast<std::uint64_t>(rest_rounded) + 1023) << 52);
  const double inverse_a = std::bit_cast<double>((1023 - std::bit_cast<std::uint64_t>(half_rounded)) << 52);
  const double inverse_b = std::bit_cast<double>((1023 - std::bit_cast<std::uint64_t>(rest_rounded)) << 52);
  double p = 1.0 / 87178291200.0;
  p = p * r + 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = r + (r * r) * p;
  return ((1.0 - inverse_a * inverse_b) + p) * scale_a * scale_b;
}

/// log(u) + rest for u = 2^k m, m in [sqrt(1/2), sqrt(2)): k ln 2 + 2 atanh((m - 1) / (m + 1)) + rest. When k
/// is 0, m - 1 is `small`, which may have more digits than u - 1 has, and rest is not added.
KOLOSAL_INLINE double log_of_parts(double u, double small, double rest, double k_offset) {
  const std::uint64_t shifted = std::bit_cast<std::uint64_t>(u) + (kOneBits - kRootHalfBits);
  // 2^52 + the biased exponent, as a double, minus 2^52 and the bias.
  const double k =
      std::bit_cast<double>((shifted >> 52) | std::bit_cast<std::uint64_t>(0x1p52)) - (0x1p52 + 1023.0);
  const double m = std::bit_cast<double>((shifted & kMantissa) + kRootHalfBits);
  const double f = k == 0.0 ? small : m - 1.0;
  const double c = k == 0.0 ? 0.0 : rest;
  const double s = f / (2.0 + f);
  const double z = s * s;
  double series = 2.0 / 23.0;
  series = series * z + 2.0 / 21.0;
  series = series * z + 2.0 / 19.0;
  series = series * z + 2.0 / 17.0;
  series = series * z + 2.0 / 15.0;
  series = series * z + 2.0 / 13.0;
  series = series * z + 2.0 / 11.0;
  series = series * z + 2.0 / 9.0;
  series = series * z + 2.0 / 7.0;
  series = series * z + 2.0 / 5.0;
  series = series * z + 2.0 / 3.0;
  series = series * z;
  // 2 s = f - s f, and f^2 / 2 is split off because f itself is exact.
  const double half_square = 0.5 * f * f;
  const double whole = k + k_offset;
  return whole * kLn2High - ((half_square - (s * (half_square + series) + (whole * kLn2Low + c))) - f);
}

KOLOSAL_INLINE double log1p_one(double x) {
  const double u = 1.0 + x;
  const double lost = x > 1.0 ? 1.0 - (u - x) : x - (u - 1.0);
  const double value = log_of_parts(u, x, lost / u, 0.0);
  const double edge = x == -1.0 ? -kInf : (x == kInf ? kInf : kNaN);
  return x > -1.0 && x < kInf ? value : edge;
}

KOLOSAL_INLINE double log_one(double x) {
  const bool tiny = x < std::numeric_limits<double>::min();
  const double u = tiny ? x * 0x1p54 : x;
  const double value = log_of_parts(u, u - 1.0, 0.0, tiny ? -54.0 : 0.0);
  const double edge = x == 0.0 ? -kInf : (x == kInf ? kInf : kNaN);
  return x > 0.0 && x < kInf ? value : edge;
}

template <std::size_t N>
KOLOSAL_INLINE double polynomial(const double (&c)[N], double x) {
  double value = c[N - 1];
  for (std::size_t i = N - 1; i > 0; --i) value = value * x + c[i - 1];
  return value;
}

// AS 241: the far tails, below 1.4e-11.
constexpr double kFarOver[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr double kFarUnder[] = {1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};

KOLOSAL_INLINE double middle_quantile(double p) {
  const double q = p - 0.5;
  const double square = normal_quantile_terms::kMiddleSquare - q * q;
  return q * polynomial(normal_quantile_terms::kMiddleOver, square) /
         polynomial(normal_quantile_terms::kMiddleUnder, square);
}

KOLOSAL_INLINE double root_of_tail(double p) {
  const double q = p - 0.5;
  return std::sqrt(-log_one(q < 0.0 ? p : 1.0 - p));
}

KOLOSAL_INLINE double tail_quantile(double p, double root) {
  const double far = root - normal_quantile_terms::kTailRoot;
  const double magnitude =
      polynomial(normal_quantile_terms::kTailOver, far) / polynomial(normal_quantile_terms::kTailUnder, far);
  return p - 0.5 < 0.0 ? -magnitude : magnitude;
}

KOLOSAL_INLINE double far_quantile(double p, double root) {
  const double far = polynomial(kFarOver, root - 5.0) / polynomial(kFarUnder, root - 5.0);
  const double magnitude = root < kInf ? far : root;
  return p - 0.5 < 0.0 ? -magnitude : magnitude;
}

// A power this close to 0 is a logarithm.
double snapped(double lambda) { return std::abs(lambda) < kEpsilon ? 0.0 : lambda; }

KOLOSAL_INLINE double power_of_log_one(double log_x, double lambda) {
  const double power = expm1_one(lambda * log_x) / lambda;
  return lambda == 0.0 ? log_x : power;
}

/// up is the power of x >= 0, down that of x < 0.
KOLOSAL_INLINE double signed_power_of_log(double magnitude, bool negative, double up, double down) {
  const double value = power_of_log_one(magnitude, negative ? down : up);
  return negative ? -value : value;
}

}  // namespace

KOLOSAL_KERNEL(void, log1p, (const double* x, double* out, std::size_t n), (x, out, n)) {
  for (std::size_t i = 0; i < n; ++i) out[i] = log1p_one(x[i]);
}

KOLOSAL_KERNEL(void, expm1, (const double* x, double* out, std::size_t n), (x, out, n)) {
  for (std::size_t i = 0; i < n; ++i) out[i] = expm1_one(x[i]);
}

KOLOSAL_KERNEL(void, log, (const double* x, double* out, std::size_t n), (x, out, n)) {
  for (std::size_t i = 0; i < n; ++i) out[i] = log_one(x[i]);
}

KOLOSAL_KERNEL(void, power_of_log, (const double* log_x, double lambda, double* out, std::size_t n),
               (log_x, lambda, out, n)) {
  const double power = snapped(lambda);
  for (std::size_t i = 0; i < n; ++i) out[i] = power_of_log_one(log_x[i], power);
}

KOLOSAL_KERNEL(void, signed_log1p, (const double* x, double* out, std::size_t n), (x, out, n)) {
  for (std::size_t i = 0; i < n; ++i) {
    const double value = log1p_one(std::abs(x[i]));
    out[i] = x[i] < 0.0 ? -value : value;
  }
}

KOLOSAL_KERNEL(void, yeo_johnson, (const double* x, double lambda, double* out, std::size_t n),
               (x, lambda, out, n)) {
  const double up = snapped(lambda), down = snapped(2.0 - lambda);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = signed_power_of_log(log1p_one(std::abs(x[i])), x[i] < 0.0, up, down);
}

KOLOSAL_KERNEL(void, yeo_johnson_of_log,
               (const double* signed_log, double lambda, double* out, std::size_t n),
               (signed_log, lambda, out, n)) {
  const double up = snapped(lambda), down = snapped(2.0 - lambda);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = signed_power_of_log(std::abs(signed_log[i]), signed_log[i] < 0.0, up, down);
}

KOLOSAL_KERNEL(void, yeo_johnson_inverse, (const double* y, double lambda, double* out, std::size_t n),
               (y, lambda, out, n)) {
  const double up = snapped(lambda), down = snapped(2.0 - lambda);
  for (std::size_t i = 0; i < n; ++i) {
    const bool negative = y[i] < 0.0;
    const double magnitude = std::abs(y[i]);
    const double power = negative ? down : up;
    const double log_x = log1p_one(power * magnitude) / power;
    const double value = expm1_one(power == 0.0 ? magnitude : log_x);
    out[i] = negative ? -value : value;
  }
}

// Five of six ranks are in the middle, which needs no logarithm: it is computed for all of a block, the tails
// once more by themselves, and the far tails, which are next to none, one by one.
KOLOSAL_KERNEL(void, normal_quantile, (const double* p, double* out, std::size_t n), (p, out, n)) {
  constexpr std::size_t kBlock = 256;
  double tails[kBlock], roots[kBlock];
  std::uint32_t places[kBlock];
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t size = n - begin < kBlock ? n - begin : kBlock;
    std::size_t n_tails = 0;
    for (std::size_t i = 0; i < size; ++i) {
      places[n_tails] = static_cast<std::uint32_t>(i);
      tails[n_tails] = p[begin + i];
      n_tails += std::abs(p[begin + i] - 0.5) > normal_quantile_terms::kMiddle ? 1 : 0;  // not NaN
    }
    for (std::size_t i = 0; i < size; ++i) out[begin + i] = middle_quantile(p[begin + i]);
    for (std::size_t i = 0; i < n_tails; ++i) roots[i] = root_of_tail(tails[i]);
    bool any_far = false;
    for (std::size_t i = 0; i < n_tails; ++i) any_far |= !(roots[i] <= 5.0);
    if (any_far)
      for (std::size_t i = 0; i < n_tails; ++i)
        if (!(roots[i] <= 5.0)) out[begin + places[i]] = far_quantile(tails[i], roots[i]);
    for (std::size_t i = 0; i < n_tails; ++i) {
      const double tail = tail_quantile(tails[i], roots[i]);
      tails[i] = tail;
    }
    for (std::size_t i = 0; i < n_tails; ++i)
      if (roots[i] <= 5.0) out[begin + places[i]] = tails[i];
  }
}

}  // namespace kolosal::kernel
