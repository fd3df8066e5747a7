#pragma once

#include <cstddef>

namespace kolosal::kernel {

/// Sum of a[i] * b[i], in 16 partial sums: the same bytes on every CPU, but not the bytes of one running sum.
double dot(const double* a, const double* b, std::size_t n);

/// y[i] += alpha * x[i]. x and y must not overlap.
void axpy(double alpha, const double* x, double* y, std::size_t n);

/// y[i] = (y[i] - offset[i]) * factor[i]. The arrays must not overlap.
void shift_scale(const double* offset, const double* factor, double* y, std::size_t n);

}  // namespace kolosal::kernel
