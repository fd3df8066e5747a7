#include "kolosal/kernel/network_ops.hpp"

#include <bit>
#include <cmath>

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {
namespace {

constexpr float kRound = 0x1.8p+23F;  // added to |t| < 2^22, leaves round(t) in the low bits

/// x, at least -87 and at most 87; also of NaN. By whole numbers: g++ turns comparisons of floats into a
/// value for what is cut, computes with it in every lane, and sigmoid(-87) z is a slow denormal.
KOLOSAL_KERNEL_INLINE float cut_for_exp(float x) {
  constexpr auto kMost = std::bit_cast<std::int32_t>(87.0F);
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto magnitude = static_cast<std::int32_t>(bits & 0x7fffffffU);
  const std::int32_t cut = magnitude < kMost ? magnitude : kMost;
  return std::bit_cast<float>(static_cast<std::uint32_t>(cut) | (bits & 0x80000000U));
}

/// 2^k exp(r), |r| <= ln(2) / 2, exp(r) by its series.
KOLOSAL_KERNEL_INLINE float exp_one(float x) {
  const float t = cut_for_exp(x);
  const float rounded = t * 0x1.715476p+0F + kRound;
  const float k = rounded - kRound;
  const float r = (t - k * 0x1.62ep-1F) - k * 0x1.0bfbe8p-15F;  // ln 2 in two parts, the first of 12 bits
  float p = 1.0F / 5040.0F;
  p = p * r + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = r + (r * r) * p;
  const float scale = std::bit_cast<float>((std::bit_cast<std::uint32_t>(rounded) + 127U) << 23);
  return scale + scale * p;
}

KOLOSAL_KERNEL_INLINE float sigmoid_one(float z) { return 1.0F / (1.0F + exp_one(-z)); }

/// sin(2 pi t) for |t| <= 1/4, by its series.
KOLOSAL_KERNEL_INLINE float sine_of_turns(float t) {
  const float u = t * 0x1.921fb6p+2F;
  const float s = u * u;
  float p = -1.0F / 39916800.0F;
  p = p * s + 1.0F / 362880.0F;
  p = p * s - 1.0F / 5040.0F;
  p = p * s + 1.0F / 120.0F;
  p = p * s - 1.0F / 6.0F;
  return u + u * s * p;
}

/// Folds turns into [-1/4, 1/4] without changing their sine.
KOLOSAL_KERNEL_INLINE float fold(float turns) {
  const float t = turns - ((turns + kRound) - kRound);
  return t > 0.25F ? 0.5F - t : t < -0.25F ? -0.5F - t : t;
}

/// A number of 32 bits that depends on all of x (multiply-xorshift, constants by Wellons' search of 2022).
KOLOSAL_KERNEL_INLINE std::uint32_t mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x21f0aaadU;
  x ^= x >> 15;
  x *= 0xd35a2d97U;
  return x ^ (x >> 15);
}

constexpr std::size_t kLanes = 16;

/// Sum of f(j) over j < width in 16 partial sums.
template <typename F>
KOLOSAL_KERNEL_INLINE float lane_sum(std::size_t width, F f) {
  float sum[kLanes] = {};
  std::size_t j = 0;
  for (; j + kLanes <= width; j += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) sum[lane] += f(j + lane);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) sum[lane] += sum[lane + half];
  for (; j < width; ++j) sum[0] += f(j);
  return sum[0];
}

}  // namespace

KOLOSAL_KERNEL_OVERLOAD(exp_of_floats, void, exp, (const float* x, float* out, std::size_t n), (x, out, n)) {
  for (std::size_t i = 0; i < n; ++i) out[i] = x[i] == x[i] ? exp_one(x[i]) : x[i];
}

KOLOSAL_KERNEL(void, sine_cosine,
               (const float* __restrict x, float* __restrict sine, float* __restrict cosine, std::size_t n),
               (x, sine, cosine, n)) {
  for (std::size_t i = 0; i < n; ++i) {
    const float t = x[i] - ((x[i] + kRound) - kRound);
    sine[i] = sine_of_turns(fold(t));
    cosine[i] = sine_of_turns(fold(t + 0.25F));
  }
}

KOLOSAL_KERNEL_OVERLOAD(axpy_of_floats, void, axpy,
                        (float alpha, const float* __restrict x, float* __restrict y, std::size_t n),
                        (alpha, x, y, n)) {
  for (std::size_t i = 0; i < n; ++i) y[i] += alpha * x[i];
}

KOLOSAL_KERNEL(void, add_rows,
               (const float* __restrict x, std::size_t n_rows, std::size_t width, float* __restrict sum),
               (x, n_rows, width, sum)) {
  for (std::size_t i = 0; i < n_rows; ++i, x += width)
    for (std::size_t j = 0; j < width; ++j) sum[j] += x[j];
}

KOLOSAL_KERNEL(void, add_squared_rows,
               (const float* __restrict x, const float* __restrict centre, std::size_t n_rows,
                std::size_t width, float* __restrict sum),
               (x, centre, n_rows, width, sum)) {
  for (std::size_t i = 0; i < n_rows; ++i, x += width)
    for (std::size_t j = 0; j < width; ++j) sum[j] += (x[j] - centre[j]) * (x[j] - centre[j]);
}

KOLOSAL_KERNEL(void, add_row_products,
               (const float* __restrict x, const float* __restrict y, std::size_t n_rows, std::size_t width,
                float* __restrict sum),
               (x, y, n_rows, width, sum)) {
  for (std::size_t i = 0; i < n_rows; ++i, x += width, y += width)
    for (std::size_t j = 0; j < width; ++j) sum[j] += x[j] * y[j];
}

KOLOSAL_KERNEL(void, shift_scale_rows,
               (const float* __restrict centre, const float* __restrict factor, std::size_t n_rows,
                std::size_t width, float* __restrict x),
               (centre, factor, n_rows, width, x)) {
  for (std::size_t i = 0; i < n_rows; ++i, x += width)
    for (std::size_t j = 0; j < width; ++j) x[j] = (x[j] - centre[j]) * factor[j];
}

KOLOSAL_KERNEL(void, normalize_rows,
               (float epsilon, std::size_t n_rows, std::size_t width, float* __restrict x,
                float* __restrict inverse),
               (epsilon, n_rows, width, x, inverse)) {
  for (std::size_t i = 0; i < n_rows; ++i, x += width) {
    const float share = 1.0F / static_cast<float>(width);
    const float mean = lane_sum(width, [&](std::size_t j) { return x[j]; }) * share;
    const float variance =
        lane_sum(width, [&](std::size_t j) { return (x[j] - mean) * (x[j] - mean); }) * share;
    inverse[i] = 1.0F / std::sqrt(variance + epsilon);
    for (std::size_t j = 0; j < width; ++j) x[j] = (x[j] - mean) * inverse[i];
  }
}

KOLOSAL_KERNEL(void, silu_rows,
               (const float* __restrict x, const float* __restrict factor, const float* __restrict shift,
                std::size_t n_rows, std::size_t width, float* __restrict out),
               (x, factor, shift, n_rows, width, out)) {
  for (std::size_t i = 0; i < n_rows; ++i, x += width, out += width)
    for (std::size_t j = 0; j < width; ++j) {
      const float z = x[j] * factor[j] + shift[j];
      out[j] = z * sigmoid_one(z);
    }
}

KOLOSAL_KERNEL_OVERLOAD(silu_rows_with_dropout, void, silu_rows,
                        (const float* __restrict x, const float* __restrict factor,
                         const float* __restrict shift, const Dropout& dropout, std::size_t first_row,
                         std::size_t n_rows, std::size_t width, float* __restrict out,
                         float* __restrict derivative),
                        (x, factor, shift, dropout, first_row, n_rows, width, out, derivative)) {
  const Dropout drop = dropout;
  for (std::size_t i = 0; i < n_rows; ++i, x += width, out += width, derivative += width) {
    const auto first = drop.key + static_cast<std::uint32_t>((first_row + i) * width);
    for (std::size_t j = 0; j < width; ++j) {
      const float z = x[j] * factor[j] + shift[j];
      const float s = sigmoid_one(z);
      const float keep = mix(first + static_cast<std::uint32_t>(j)) < drop.threshold ? 0.0F : drop.factor;
      out[j] = z * s * keep;
      derivative[j] = (s + z * s * (1.0F - s)) * keep;
    }
  }
}

KOLOSAL_KERNEL(void, multiply, (const float* __restrict d, std::size_t n, float* __restrict g), (d, n, g)) {
  for (std::size_t i = 0; i < n; ++i) g[i] *= d[i];
}

KOLOSAL_KERNEL(void, unnormalize_columns,
               (const float* __restrict x, const float* __restrict factor, const float* __restrict mean_g,
                const float* __restrict mean_gx, std::size_t n_rows, std::size_t width, float* __restrict g),
               (x, factor, mean_g, mean_gx, n_rows, width, g)) {
  for (std::size_t i = 0; i < n_rows; ++i, x += width, g += width)
    for (std::size_t j = 0; j < width; ++j) g[j] = factor[j] * (g[j] - mean_g[j] - x[j] * mean_gx[j]);
}

KOLOSAL_KERNEL(void, unnormalize_rows,
               (const float* __restrict x, const float* __restrict factor, const float* __restrict inverse,
                std::size_t n_rows, std::size_t width, float* __restrict g),
               (x, factor, inverse, n_rows, width, g)) {
  for (std::size_t i = 0; i < n_rows; ++i, x += width, g += width) {
    const float share = 1.0F / static_cast<float>(width);
    const float mean = lane_sum(width, [&](std::size_t j) { return g[j] * factor[j]; }) * share;
    const float along = lane_sum(width, [&](std::size_t j) { return g[j] * factor[j] * x[j]; }) * share;
    for (std::size_t j = 0; j < width; ++j) g[j] = inverse[i] * (g[j] * factor[j] - mean - x[j] * along);
  }
}

KOLOSAL_KERNEL(void, adamw,
               (const AdamwStep& step, const float* __restrict gradient, std::size_t n,
                float* __restrict mean, float* __restrict square, float* __restrict parameters),
               (step, gradient, n, mean, square, parameters)) {
  constexpr float kTiny = 1e-30F;  // averages of parameters that are not used fade into slow denormals
  const AdamwStep s = step;
  for (std::size_t i = 0; i < n; ++i) {
    const float g = gradient[i];
    const float m = 0.9F * mean[i] + 0.1F * g;
    const float v = 0.999F * square[i] + 0.001F * (g * g);
    mean[i] = std::abs(m) < kTiny ? 0.0F : m;
    square[i] = v < kTiny ? 0.0F : v;
    parameters[i] = s.keep * parameters[i] - s.rate * m / (std::sqrt(v) * s.root_factor + 1e-8F);
  }
}

}  // namespace kolosal::kernel
