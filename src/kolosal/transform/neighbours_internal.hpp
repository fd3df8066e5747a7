#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::transform {

/// Points between which distances are measured: the numbers of some rows and, beside them, codes of
/// categories.
///
/// Distance: squared Euclidean of the numbers, plus `penalty` for each category that differs.
struct Points {
  std::size_t n = 0;
  std::size_t n_numbers = 0;
  std::size_t n_codes = 0;
  std::vector<double> numbers;      ///< n x n_numbers, row by row; finite
  std::vector<std::int32_t> codes;  ///< n x n_codes, row by row
  double penalty = 0;

  Points subset(std::span<const std::uint32_t> positions) const;
};

/// The numeric columns of some rows; category columns become codes when with_codes is on.
/// @throws Error kData naming the column and `who` for a missing or infinite number, and for columns of types
/// that have no distance.
Points points_of(const data::Frame& x, std::span<const std::uint32_t> rows, std::string_view who,
                 bool with_codes);

/// For each query its k nearest points (or farthest ones), nearest first: positions in `points`, and squared
/// distances. Equally distant points: the earlier one is nearer (or farther).
struct Neighbours {
  std::size_t k = 0;
  std::vector<std::uint32_t> index;  ///< n_queries x k
  std::vector<double> squared;

  std::span<const std::uint32_t> of(std::size_t query) const { return {index.data() + query * k, k}; }
};

struct NeighbourSearch {
  std::size_t k = 5;  ///< At most as many as there are points to choose from.
  bool farthest = false;
  /// By query: the position of a point that is the query itself, and not one of its neighbours. Empty: none
  /// is.
  std::span<const std::uint32_t> self = {};
};

/// Exact, by comparing all pairs in blocks: O(n_points * n_queries * width).
Neighbours find_neighbours(const Points& points, const Points& queries, const NeighbourSearch& search,
                           const Context& context);

/// Every point's neighbours among the others.
Neighbours neighbours_of_all(const Points& points, std::size_t k, const Context& context);

}  // namespace kolosal::transform
