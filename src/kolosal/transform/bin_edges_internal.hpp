#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/data/target.hpp"
#include "kolosal/transform/quantile_sketch.hpp"

namespace kolosal::transform {

// Edges between bins of one column, ascending and without the two ends: bin b holds the numbers from edge b -
// 1 (included) to edge b. Source: scikit-learn's KBinsDiscretizer (quantiles averaged_inverted_cdf, edges
// less than 1e-8 apart joined).

/// Bins of equal width, of cells from low to high.
std::vector<double> uniform_edges(double low, double high, std::size_t n_bins);
/// Bins of equally many rows. sorted: finite cells, ascending; or what a stream keeps of them.
std::vector<double> quantile_edges(std::span<const double> sorted, std::size_t n_bins);
std::vector<double> quantile_edges(const WeightedNumbers& sorted, std::size_t n_bins);
/// Halfway between the centres of k-means, begun at the centres of equally wide bins (Lloyd's algorithm).
std::vector<double> kmeans_edges(std::span<const double> sorted, std::size_t n_bins);

/// Thresholds of a regression or classification tree on this column alone, of at most n_bins leaves, each of
/// at least min_rows of the rows: the best split of all leaves is made until there are enough. Here a number
/// that is equal to an edge is below it. cells and y have a value per row of the frame; rows without a finite
/// cell are left out. Source: scikit-learn's trees with max_leaf_nodes.
std::vector<double> tree_edges(std::span<const double> cells, std::span<const std::uint32_t> rows,
                               const data::TargetView& y, std::size_t n_bins, std::size_t min_rows);

}  // namespace kolosal::transform
