#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/transform/sample_target_internal.hpp"

namespace kolosal::transform {

/// The levels of a category column in sampled rows, numbered without gaps; missing cells are a level.
struct SampledLevels {
  std::vector<std::uint32_t> of_row;
  std::size_t n_levels = 0;

  SampledLevels(std::span<const std::int32_t> codes, std::span<const std::uint32_t> sample);
};

/// What the pairs of levels of two columns tell of the target beyond the sum of what each level tells.
struct CrossGain {
  double share = 0;  ///< Of the target's variance; below 0 when it misleads.
  double z = 0;      ///< The mean gain of a row in standard errors.
};

/// Learned on one half of the rows and measured on the other, and the reverse: levels on few rows gain
/// nothing by chance. The levels' own effects are fitted by turns (backfitting), each shrunk by one row,
/// those of pairs by ten. half: 0 or 1 by row. Only pairs that a table of a_levels x b_levels can hold.
CrossGain held_out_gain(const SampledLevels& a, const SampledLevels& b, const SampleTarget& target,
                        std::span<const std::uint8_t> half);

/// 0 or 1 for each of n rows, as many of each, by the seed.
std::vector<std::uint8_t> random_halves(std::size_t n, std::uint64_t seed);

}  // namespace kolosal::transform
