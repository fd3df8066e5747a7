#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/data/column.hpp"

namespace kolosal::profile {

/// Spreads a number over all 64 bits (the finalizer of MurmurHash3).
inline std::uint64_t mixed(std::uint64_t h) {
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}

/// Missing cells have this key.
inline constexpr std::uint64_t kMissingKey = 0x9E3779B97F4A7C15ULL;

/// A number per cell of rows [begin, begin + out.size()): equal cells of the column have equal numbers, and
/// different ones different numbers (texts: almost certainly). 0 and -0 are equal.
void cell_keys(const data::Column& column, std::size_t begin, std::span<std::uint64_t> out);

/// As is_missing(), a bit per row; empty when nothing is missing.
std::vector<std::uint64_t> missing_bits(const data::Column& column);
inline bool has_bit(const std::vector<std::uint64_t>& bits, std::size_t i) {
  return !bits.empty() && ((bits[i / 64] >> (i % 64)) & 1);
}

/// About m of the rows [0, n), ascending: one, by chance, of each of m equal stretches. All when n <= m.
std::vector<std::uint32_t> draw_rows(std::size_t n, std::size_t m, std::uint64_t seed);

}  // namespace kolosal::profile
