#include "kolosal/transform/distributions_internal.hpp"

#include <cmath>
#include <limits>

namespace kolosal::transform {
namespace {

constexpr long double kTiny = 1e-4900L;
constexpr long double kEpsilon = std::numeric_limits<long double>::epsilon();
// The fractions need about the square root of the larger parameter; this is only a guard against a bug.
constexpr int kMostTerms = 1'000'000;

// The logarithm of gamma; unlike std::lgamma it leaves no sign in a global variable, so it is safe in
// threads.
long double log_gamma(long double a) {
  int sign = 0;
  return lgammal_r(a, &sign);
}

long double away_from_zero(long double value) { return std::abs(value) < kTiny ? kTiny : value; }

// Continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.
long double beta_fraction(long double a, long double b, long double x) {
  long double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
  for (int i = 1; i < kMostTerms; ++i) {
    const auto m = static_cast<long double>(i);
    const long double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    value *= d * c;
    const long double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    value *= d * c;
    if (std::abs(d * c - 1) < kEpsilon) break;
  }
  return value;
}

// The regularized incomplete beta function I_x(a, b); rest = 1 - x, given so that it loses no digits.
long double incomplete_beta(long double a, long double b, long double x, long double rest) {
  if (x <= 0) return 0;
  if (rest <= 0) return 1;
  const long double front =
      std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log(rest));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, rest) / b;
}

// The regularized upper incomplete gamma function Q(a, x): by its series below the mean, else by its fraction
// (DLMF 8.9.2).
long double incomplete_gamma_upper(long double a, long double x) {
  const long double front = std::exp(a * std::log(x) - x - log_gamma(a));
  if (x < a + 1) {
    long double term = 1 / a, sum = term;
    for (int i = 1; i < kMostTerms && term > sum * kEpsilon; ++i) {
      term *= x / (a + static_cast<long double>(i));
      sum += term;
    }
    return 1 - front * sum;
  }
  long double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, value = d;
  for (int i = 1; i < kMostTerms; ++i) {
    const auto n = static_cast<long double>(i);
    const long double step = -n * (n - a);
    b += 2;
    d = 1 / away_from_zero(step * d + b);
    c = away_from_zero(b + step / c);
    value *= d * c;
    if (std::abs(d * c - 1) < kEpsilon) break;
  }
  return front * value;
}

}  // namespace

double f_survival(double f, double dfn, double dfd) {
  if (!(f > 0)) return 1;
  if (std::isinf(f)) return 0;
  const long double between = static_cast<long double>(dfn) * static_cast<long double>(f);
  const auto within = static_cast<long double>(dfd);
  const long double total = between + within;
  return static_cast<double>(
      incomplete_beta(within / 2, static_cast<long double>(dfn) / 2, within / total, between / total));
}

double chi_square_survival(double x, double df) {
  if (!(x > 0)) return 1;
  if (std::isinf(x)) return 0;
  return static_cast<double>(
      incomplete_gamma_upper(static_cast<long double>(df) / 2, static_cast<long double>(x) / 2));
}

std::vector<double> digamma_table(std::size_t n) {
  std::vector<double> out(n + 1);
  long double value = -0.577215664901532860606512090082402431L;  // digamma(1) = -Euler's constant
  for (std::size_t i = 1; i <= n; ++i) {
    out[i] = static_cast<double>(value);
    value += 1 / static_cast<long double>(i);
  }
  return out;
}

}  // namespace kolosal::transform
