#include "kolosal/kernel/matrix_tiles.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {

// Two vectors of columns at a time: eight sums, each added to once in four cycles, which hides the latency of
// the additions, and all of them stay in registers.
KOLOSAL_FUSED_VECTOR_KERNEL(void, add_tile_products,
                            (const double* a, std::size_t a_stride, const double* b, std::size_t n,
                             double* out, std::size_t stride),
                            (a, a_stride, b, n, out, stride)) {
#if defined(__clang__)
#pragma clang fp contract(fast)
#endif
  using Lanes = DoubleLanes<kVectorBytes>;
  constexpr std::size_t kLanes = kVectorBytes / sizeof(double);
  for (std::size_t first = 0; first < kTileColumns; first += 2 * kLanes) {
    Lanes sum[kTileRows][2] = {};
    for (std::size_t r = 0; r < n; ++r) {
      Lanes left, right;
      std::memcpy(&left, b + r * kTileColumns + first, sizeof(Lanes));
      std::memcpy(&right, b + r * kTileColumns + first + kLanes, sizeof(Lanes));
      for (std::size_t i = 0; i < kTileRows; ++i) {
        const double factor = a[r * a_stride + i];
        if constexpr (kVectorBytes == 16) {
          for (std::size_t lane = 0; lane < kLanes; ++lane) {
            sum[i][0][lane] = std::fma(factor, left[lane], sum[i][0][lane]);
            sum[i][1][lane] = std::fma(factor, right[lane], sum[i][1][lane]);
          }
        } else {
          sum[i][0] += factor * left;
          sum[i][1] += factor * right;
        }
      }
    }
    for (std::size_t i = 0; i < kTileRows; ++i)
      for (std::size_t part = 0; part < 2; ++part) {
        double* const to = out + i * stride + first + part * kLanes;
        Lanes before;
        std::memcpy(&before, to, sizeof(Lanes));
        before += sum[i][part];
        std::memcpy(to, &before, sizeof(Lanes));
      }
  }
}

KOLOSAL_VECTOR_KERNEL(double, squared_distances,
                      (const double* query, const double* points, std::size_t n_features, double* out),
                      (query, points, n_features, out)) {
  using Lanes = DoubleLanes<kVectorBytes>;
  constexpr std::size_t kLanes = kVectorBytes / sizeof(double), kParts = kVectorBytes == 64 ? 4 : 8;
  static_assert(kDistancePoints % (kParts * kLanes) == 0);
  Lanes least = Lanes{} + std::numeric_limits<double>::infinity();
  for (std::size_t first = 0; first < kDistancePoints; first += kParts * kLanes) {
    Lanes sum[kParts] = {};
    for (std::size_t f = 0; f < n_features; ++f)
      for (std::size_t part = 0; part < kParts; ++part) {
        Lanes rest;
        std::memcpy(&rest, points + f * kDistancePoints + first + part * kLanes, sizeof(Lanes));
        rest -= query[f];
        sum[part] += rest * rest;
      }
    std::memcpy(out + first, sum, sizeof(sum));
    for (const Lanes& part : sum) least = part < least ? part : least;
  }
  double smallest = least[0];
  for (std::size_t i = 1; i < kLanes; ++i) smallest = least[i] < smallest ? least[i] : smallest;
  return smallest;
}

}  // namespace kolosal::kernel
