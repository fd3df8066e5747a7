#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// A coarse look at many pairs of points, in whole numbers of 16 bits: which few may be near to each other.
// The caller decides on them by exact distances.

inline constexpr std::size_t kNearQueries = 4;  ///< Queries of one call.
inline constexpr std::size_t kNearPoints = 32;  ///< Points of one group.

/// With sums[q][p] = offsets[p] + sum over f < 2 n_pairs of query[q, f] * points[p, f], bit p of masks[q]
/// tells whether
///
///   sums[q][p] >= limits[q]   or   sums[q][p] + query_offsets[q] >= point_limits[p],
///
/// the latter unless point_limits is null (query_offsets is not read then). Features go in pairs: feature f
/// of query q is at (f / 2 * kNearQueries + q) * 2 + f % 2, that of point p at (f / 2 * kNearPoints + p) * 2
/// + f % 2. No sum, in any order, and no point_limits[p] - query_offsets[q] may leave the range of int32;
/// then all are exact. `sums` are written for the pairs that have a bit, at q * kNearPoints + p, and perhaps
/// for others. Returns whether there is a bit.
bool find_near(const std::int16_t* queries, const std::int16_t* points, std::size_t n_pairs,
               const std::int32_t* offsets, const std::int32_t* limits, const std::int32_t* query_offsets,
               const std::int32_t* point_limits, std::uint32_t* masks, std::int32_t* sums);

}  // namespace kolosal::kernel
