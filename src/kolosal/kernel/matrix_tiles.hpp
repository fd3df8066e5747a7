#pragma once

#include <cstddef>

namespace kolosal::kernel {

// Inner loops of matrix products and of neighbour searches. Their callers copy ("pack") a part of a table
// into the small layouts below, so that these read memory in order. Each number is one running sum in the
// order of the loop, so the lanes of the CPU do not show in the result.

inline constexpr std::size_t kTileRows = 4;      ///< Numbers of `a` that add_tile_products() reads per step.
inline constexpr std::size_t kTileColumns = 16;  ///< Width of `b`.
inline constexpr std::size_t kDistancePoints = 32;  ///< Points of one packed group of squared_distances().

/// out[i * stride + j] += sum over r < n of a[r * a_stride + i] * b[r * kTileColumns + j], for i < kTileRows
/// and j < kTileColumns. Each product is added in one rounding (std::fma).
void add_tile_products(const double* a, std::size_t a_stride, const double* b, std::size_t n, double* out,
                       std::size_t stride);

/// out[p] = sum over f < n_features of (query[f] - points[f * kDistancePoints + p])^2 for the kDistancePoints
/// points of a group. Returns the smallest of them.
double squared_distances(const double* query, const double* points, std::size_t n_features, double* out);

}  // namespace kolosal::kernel
