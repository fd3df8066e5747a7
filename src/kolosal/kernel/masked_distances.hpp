#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

inline constexpr std::size_t kMaskedPoints = 32;  ///< Points of one packed group.

/// Mean squared difference between a query and each point of a group over the features that both have:
///
///   out[p] = sum over f of (query[f] - values[p, f])^2 * present[p, f] / sum over f of present[p, f]
///
/// for the n features f listed in `features`. values and present hold feature f of point p at
/// f * kMaskedPoints + p; where present is 0 (else 1), value is 0. Without a common feature, or where the sum
/// overflows, out is +inf. Returns the smallest of them.
double masked_distances(const double* query, const std::uint32_t* features, std::size_t n,
                        const double* values, const double* present, double* out);

/// The same where only the first n_numbers of the n features are numbers. The others are codes of categories,
/// which add 1 where they differ in place of a square.
double mixed_distances(const double* query, const std::uint32_t* features, std::size_t n_numbers,
                       std::size_t n, const double* values, const double* present, double* out);

}  // namespace kolosal::kernel
