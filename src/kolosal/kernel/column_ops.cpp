#include "kolosal/kernel/column_ops.hpp"

#include <cmath>

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {
namespace {

constexpr std::size_t kLanes = 16;
constexpr double kLargest = std::numeric_limits<double>::max();

KOLOSAL_KERNEL_INLINE bool is_finite(double x) { return std::abs(x) <= kLargest; }  // false for NaN

// Halves are added to halves, so the order does not depend on the width of a register.
KOLOSAL_KERNEL_INLINE double fold(double* lanes) {
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

}  // namespace

KOLOSAL_KERNEL(BlockMoments, block_moments, (const double* x, std::size_t n), (x, n)) {
  BlockMoments out;
  double count[kLanes] = {}, sum[kLanes] = {}, low[kLanes], high[kLanes], m2[kLanes] = {};
  for (std::size_t lane = 0; lane < kLanes; ++lane) low[lane] = out.low, high[lane] = out.high;
  const std::size_t n_whole = n - n % kLanes;
  const auto add = [&](std::size_t lane, double cell) __attribute__((always_inline)) {
    const bool finite = is_finite(cell);
    count[lane] += finite ? 1.0 : 0.0;
    sum[lane] += finite ? cell : 0.0;
    const double at_least = finite ? cell : kLargest, at_most = finite ? cell : -kLargest;
    low[lane] = at_least < low[lane] ? at_least : low[lane];
    high[lane] = at_most > high[lane] ? at_most : high[lane];
  };
  for (std::size_t i = 0; i < n_whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(lane, x[i + lane]);
  for (std::size_t i = n_whole; i < n; ++i) add(i - n_whole, x[i]);
  out.count = fold(count);
  if (out.count == 0) return out;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    out.low = low[lane] < out.low ? low[lane] : out.low;
    out.high = high[lane] > out.high ? high[lane] : out.high;
  }
  out.mean = fold(sum) / out.count;
  const double mean = out.mean;
  for (std::size_t i = 0; i < n_whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double delta = is_finite(x[i + lane]) ? x[i + lane] - mean : 0.0;
      m2[lane] += delta * delta;
    }
  for (std::size_t i = n_whole; i < n; ++i) {
    const double delta = is_finite(x[i]) ? x[i] - mean : 0.0;
    m2[i - n_whole] += delta * delta;
  }
  out.m2 = fold(m2);
  return out;
}

KOLOSAL_KERNEL(RangeCounts, count_range, (const double* x, double low, double high, std::size_t n),
               (x, low, high, n)) {
  std::size_t n_finite = 0, n_below = 0, n_above = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const bool finite = is_finite(x[i]);
    n_finite += finite ? 1U : 0U;
    n_below += finite && x[i] < low ? 1U : 0U;
    n_above += finite && x[i] > high ? 1U : 0U;
  }
  return {n_finite, n_below, n_above};
}

KOLOSAL_KERNEL(std::size_t, gather_range,
               (const double* x, double low, double high, double* out, std::size_t n),
               (x, low, high, out, n)) {
  std::size_t n_out = 0;
  for (std::size_t i = 0; i < n; ++i) {  // no branch: which cells are in the range can not be foreseen
    const double cell = x[i];
    out[n_out] = cell;
    n_out += static_cast<std::size_t>((cell >= low) & (cell <= high));
  }
  return n_out;
}

KOLOSAL_KERNEL(void, fill_not_finite, (const double* x, double fill, double* out, std::size_t n),
               (x, fill, out, n)) {
  for (std::size_t i = 0; i < n; ++i) out[i] = is_finite(x[i]) ? x[i] : fill;
}

KOLOSAL_KERNEL(void, centre_divide,
               (const double* x, double centre, double scale, double* out, std::size_t n),
               (x, centre, scale, out, n)) {
  for (std::size_t i = 0; i < n; ++i) out[i] = (x[i] - centre) / scale;
}

KOLOSAL_KERNEL(void, clip, (double bound, double* x, std::size_t n), (bound, x, n)) {
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] > bound ? bound : (x[i] < -bound ? -bound : x[i]);
}

KOLOSAL_KERNEL(FiniteSum, finite_sum, (const double* x, double bound, std::size_t n), (x, bound, n)) {
  double count[kLanes] = {}, sum[kLanes] = {};
  const auto add = [&](std::size_t lane, double cell) __attribute__((always_inline)) {
    const bool finite = is_finite(cell);
    const double low = cell < -bound ? -bound : cell, cut = low > bound ? bound : low;
    count[lane] += finite ? 1.0 : 0.0;
    sum[lane] += finite ? cut : 0.0;
  };
  const std::size_t n_whole = n - n % kLanes;
  for (std::size_t i = 0; i < n_whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(lane, x[i + lane]);
  for (std::size_t i = n_whole; i < n; ++i) add(i - n_whole, x[i]);
  return {static_cast<std::size_t>(fold(count)), fold(sum)};
}

KOLOSAL_KERNEL(std::size_t, centre_finite,
               (const double* x, double bound, double centre, double scale, double* out, std::size_t n),
               (x, bound, centre, scale, out, n)) {
  std::size_t n_finite = 0;
  const auto centred = [&](double cell) __attribute__((always_inline)) {
    const double low = cell < -bound ? -bound : cell, cut = low > bound ? bound : low;
    const bool finite = is_finite(cell);
    n_finite += finite ? 1U : 0U;
    return finite ? cut - centre : 0.0;
  };
  if (scale == 1) {  // a division takes longer than all the rest
    for (std::size_t i = 0; i < n; ++i) out[i] = centred(x[i]);
  } else {
    for (std::size_t i = 0; i < n; ++i) out[i] = centred(x[i]) / scale;
  }
  return n_finite;
}

}  // namespace kolosal::kernel
