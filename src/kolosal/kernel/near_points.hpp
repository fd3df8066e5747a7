#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// A coarse look at many pairs of points, in whole numbers of 16 bits: which few may be near to each other.
// The caller decides on them by exact distances.

inline constexpr std::size_t kNearQueries = 4;  ///< Queries of one call.
inline constexpr std::size_t kNearPoints = 32;  ///< Points of one group.

/// Bit p of masks[q] tells whether
///
///   offsets[p] + sum over f < 2 n_pairs of query[q, f] * points[p, f] >= limits[q].
///
/// Features go in pairs: feature f of query q is at (f / 2 * kNearQueries + q) * 2 + f % 2, that of point p
/// at (f / 2 * kNearPoints + p) * 2 + f % 2. No sum, in any order, may leave the range of int32; then all
/// sums are exact. Returns whether there is a bit.
bool find_near(const std::int16_t* queries, const std::int16_t* points, std::size_t n_pairs,
               const std::int32_t* offsets, const std::int32_t* limits, std::uint32_t* masks);

}  // namespace kolosal::kernel
