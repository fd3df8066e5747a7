#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/data/target.hpp"

namespace kolosal::transform {

/// At most n of the rows: every k-th one, so that the sample needs no random numbers and covers the
/// table evenly.
std::vector<std::uint32_t> sample_rows(std::span<const std::uint32_t> rows, std::size_t n);

/// The target of sampled rows as one or more vectors of mean 0 (one per class, at most 10), and their
/// sum of squares: what a feature must explain to be worth its place.
struct SampleTarget {
  std::vector<std::vector<double>> values;
  double sum_sq = 0;
};

SampleTarget sample_target(const data::TargetView& y, std::span<const std::uint32_t> sample);

}  // namespace kolosal::transform
