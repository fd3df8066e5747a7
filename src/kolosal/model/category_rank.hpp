#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kolosal::model {

/// Ranks the bins of a category column so that splits "rank <= b" are useful: by the mean target of the rows
/// in the bin (n_classes <= 2), or by the first principal component of the class shares. Means are shrunk to
/// the overall mean by ten rows, so that rare levels, whose mean is mostly their own noise, stand in the
/// middle.
///
/// bin: per row, 0 = missing. weights: per row; empty: all 1. Returns the rank of each bin 0 .. n_bins: a
/// permutation, bin 0 keeps rank 0.
std::vector<std::uint8_t> rank_bins(std::span<const std::uint8_t> bin, std::uint8_t n_bins,
                                    std::span<const double> target, std::span<const double> weights,
                                    std::size_t n_classes);

}  // namespace kolosal::model
