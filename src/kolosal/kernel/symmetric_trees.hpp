#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::kernel {

// The inner loops of symmetric (oblivious) trees: every node of a level has the same split.
//
// A sum of gradients and a sum of weights are one 64-bit integer, the gradient in the upper half, so that one
// addition adds both and sums are the same in any order. Neither half may leave [0, 2^31) (weights) or
// (-2^31, 2^31) (gradients) in the sum of all rows.

constexpr std::int64_t pack_sums(std::int32_t gradient, std::int32_t weight) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(static_cast<std::uint32_t>(gradient)) << 32) +
         weight;
}
constexpr std::int32_t gradient_of(std::int64_t sums) { return static_cast<std::int32_t>(sums >> 32); }
constexpr std::int32_t weight_of(std::int64_t sums) { return static_cast<std::int32_t>(sums); }

/// Four columns of bins of one table, and where each has its cells in a slot of the histograms.
struct BinGroup {
  const std::uint32_t* bins = nullptr;  ///< per row: the bins of the four columns, the first one lowest
  std::uint32_t offset[4] = {};         ///< of the first cell of each column in a slot
  std::size_t stride = 0;               ///< cells in a slot
};

/// histogram[slots[i], column, bin of rows[i]] += value[rows[i]] for i < n.
void add_to_histograms(const std::uint32_t* rows, const std::uint8_t* slots, std::size_t n,
                       const std::int64_t* value, const BinGroup& group, std::int64_t* histogram);

/// Adds what a node brings to the score of each border of a column; border b is between bin b and b + 1.
/// With g and w the sums of a side: numerator[b] += g^2 / (w + l2), denominator[b] += w (g / (w + l2))^2, of
/// both sides; divided[b] += the smaller w.
void add_split_scores(const std::int64_t* cells, std::size_t n_bins, float l2, float* numerator,
                      float* denominator, float* divided);

/// leaves[i] |= (bins[i] > border) << level
void add_leaf_bits(const std::uint8_t* bins, std::uint8_t border, unsigned level, std::size_t n,
                   std::uint8_t* leaves);

}  // namespace kolosal::kernel
