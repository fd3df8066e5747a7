#pragma once

#include <cstddef>

#include "kolosal/automl/portfolio.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::automl {

/// How a memory limit is shared out. All in bytes; the parts add up to the limit.
struct MemoryShares {
  std::size_t cache;  ///< features that are kept for later trials
  std::size_t fits;   ///< all fits that run side by side, beside the table
};

/// What is left beside the program and the table that is trained on.
MemoryShares share_memory(std::size_t limit_bytes, std::size_t table_bytes);

/// What paused boosters may hold of the memory for fits.
std::size_t share_of_paused(std::size_t fits);

/// What a fit holds at most beside the table: copies that the learner bins or scales, columns that the view
/// adds, gradients. Measured from outside on 300,000 x 30 (docs/design/search.md). The order of magnitude
/// counts: it keeps a fit out of a memory that would not hold it.
/// @param n_cells rows times columns of the table.
std::size_t expected_bytes(const Candidate& candidate, std::size_t n_cells);

/// What a paused booster goes on holding: the binned rows, its scores, its trees, the histograms of a tree.
/// With many classes or large trees the last two are most of it. The order of magnitude counts.
/// @param x its features. @param n_outputs trees of a round.
std::size_t paused_bytes(const Candidate& candidate, std::size_t n_rounds, const data::Frame& x,
                         std::size_t n_outputs);

/// Boosters whose view adds more columns than there is memory for are given the columns as they are.
void keep_within(std::vector<Candidate>& candidates, std::size_t n_cells, std::size_t fit_bytes);

/// The most rows of the table with which the program, the table and a booster's fit fit into the limit; what
/// the table has when all do.
std::size_t rows_within(std::size_t limit_bytes, const data::Frame& table);

}  // namespace kolosal::automl
