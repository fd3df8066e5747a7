#include "kolosal/kernel/matrix_tiles.hpp"

#include <cstring>

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {
namespace {

// Eight doubles; the compiler splits them where the CPU's registers are shorter.
typedef double Lanes __attribute__((vector_size(64)));

KOLOSAL_KERNEL_INLINE void load(Lanes& out, const double* from) { std::memcpy(&out, from, sizeof(Lanes)); }

static_assert(kDistancePoints == 4 * sizeof(Lanes) / sizeof(double));

}  // namespace

// 4 x 2 accumulators: each is added to once in 8 cycles, which hides the latency of the additions, and all of
// them stay in registers (AVX-512: 8 of 32).
KOLOSAL_KERNEL(void, add_tile_products,
               (const double* a, std::size_t a_stride, const double* b, std::size_t n, double* out,
                std::size_t stride),
               (a, a_stride, b, n, out, stride)) {
  Lanes sum[kTileRows][2] = {};
  for (std::size_t r = 0; r < n; ++r) {
    Lanes left, right;
    load(left, b + r * kTileColumns);
    load(right, b + r * kTileColumns + 8);
    for (std::size_t i = 0; i < kTileRows; ++i) {
      const double factor = a[r * a_stride + i];
      sum[i][0] += factor * left;
      sum[i][1] += factor * right;
    }
  }
  for (std::size_t i = 0; i < kTileRows; ++i)
    for (std::size_t j = 0; j < kTileColumns; ++j) out[i * stride + j] += sum[i][j / 8][j % 8];
}

KOLOSAL_KERNEL(double, squared_distances,
               (const double* query, const double* points, std::size_t n_features, double* out),
               (query, points, n_features, out)) {
  Lanes sum[4] = {};
  for (std::size_t f = 0; f < n_features; ++f)
    for (std::size_t i = 0; i < 4; ++i) {
      Lanes rest;
      load(rest, points + (f * 4 + i) * 8);
      rest -= query[f];
      sum[i] += rest * rest;
    }
  std::memcpy(out, sum, sizeof(sum));
  const Lanes low = sum[0] < sum[1] ? sum[0] : sum[1], high = sum[2] < sum[3] ? sum[2] : sum[3];
  const Lanes least = low < high ? low : high;
  double smallest = least[0];
  for (std::size_t i = 1; i < 8; ++i) smallest = least[i] < smallest ? least[i] : smallest;
  return smallest;
}

}  // namespace kolosal::kernel
