#include "kolosal/kernel/vector_ops.hpp"

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {

// 16 lanes: two AVX-512 registers or four AVX2 ones, enough to hide the latency of an addition.
KOLOSAL_KERNEL(double, dot, (const double* a, const double* b, std::size_t n), (a, b, n)) {
  constexpr std::size_t kLanes = 16;
  double sum[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) sum[lane] += a[i + lane] * b[i + lane];
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) sum[lane] += sum[lane + half];
  double rest = 0;
  for (; i < n; ++i) rest += a[i] * b[i];
  return sum[0] + rest;
}

KOLOSAL_KERNEL(void, axpy, (double alpha, const double* __restrict x, double* __restrict y, std::size_t n),
               (alpha, x, y, n)) {
  for (std::size_t i = 0; i < n; ++i) y[i] += alpha * x[i];
}

KOLOSAL_KERNEL(void, shift_scale,
               (const double* __restrict offset, const double* __restrict factor, double* __restrict y,
                std::size_t n),
               (offset, factor, y, n)) {
  for (std::size_t i = 0; i < n; ++i) y[i] = (y[i] - offset[i]) * factor[i];
}

}  // namespace kolosal::kernel
