#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

inline constexpr std::size_t kWholePoints = 32;  ///< Points of one packed group.
inline constexpr std::int8_t kWholeMissing = -128;

/// A query of whole_distances(). Numbers are filled up to pairs by one that is missing.
struct WholeQuery {
  const std::int16_t* numbers = nullptr;  ///< 2 n_pairs, from -127 to 127; 0 where missing
  const std::int16_t* has = nullptr;      ///< 2 n_pairs: -1 where there is a number, else 0
  std::size_t n_pairs = 0;
  const std::int16_t* codes = nullptr;     ///< n_codes; those of points are from -2 to 126
  const std::int16_t* has_code = nullptr;  ///< n_codes: -1 or 0
  std::size_t n_codes = 0;
  bool is_complete = false;    ///< Nothing is missing.
  std::size_t n_features = 0;  ///< numbers and codes without what fills up
};

/// Squared differences between a query and each point of a group in whole numbers, exact as long as sums fit
/// into int32:
///
///   sums[p] = sum over numbers that both have of (query - point)^2 + difference * (codes of both that
///   differ) counts[p] = numbers and codes that both have
///
/// Numbers 2 i and 2 i + 1 of point p are at (i * kWholePoints + p) * 2, then come the codes, code c at c *
/// kWholePoints + p; kWholeMissing is none. is_complete: no point of the group lacks anything; with a
/// complete query counts are n_features.
std::int32_t whole_distances(const WholeQuery& query, const std::int8_t* points, bool is_complete,
                             std::int32_t difference, std::int32_t* sums, std::int32_t* counts);

}  // namespace kolosal::kernel
