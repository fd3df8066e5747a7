#pragma once

#include <cstddef>

namespace kolosal::kernel {

// Elementary functions of whole arrays, without a call or a branch per number: relative error below 4e-16,
// the same bytes on every CPU. x and out may be the same array. Special cases are those of <cmath>.

/// out[i] = log(1 + x[i])
void log1p(const double* x, double* out, std::size_t n);
/// out[i] = exp(x[i]) - 1
void expm1(const double* x, double* out, std::size_t n);
/// out[i] = log(x[i])
void log(const double* x, double* out, std::size_t n);

/// The Box-Cox power of exp(log_x[i]): (x^lambda - 1) / lambda, and log x for lambda 0.
void power_of_log(const double* log_x, double lambda, double* out, std::size_t n);

/// The power of Yeo and Johnson (2000): of x >= 0 the Box-Cox power of x + 1; of x < 0 minus the Box-Cox
/// power of 1 - x with 2 - lambda.
void yeo_johnson(const double* x, double lambda, double* out, std::size_t n);
/// The same from signed_log[i] = sign(x) log(1 + |x|), which does not depend on lambda.
void yeo_johnson_of_log(const double* signed_log, double lambda, double* out, std::size_t n);
/// x of y = yeo_johnson(x); NaN where no x has that power.
void yeo_johnson_inverse(const double* y, double lambda, double* out, std::size_t n);

/// out[i] = sign(x[i]) log(1 + |x[i]|)
void signed_log1p(const double* x, double* out, std::size_t n);

/// out[i] = the number below which a standard normal one is with probability p[i]: -inf for 0, inf for 1, NaN
/// outside. Relative error below 1e-15 (algorithm AS 241 of Wichura, 1988).
void normal_quantile(const double* p, double* out, std::size_t n);

}  // namespace kolosal::kernel
