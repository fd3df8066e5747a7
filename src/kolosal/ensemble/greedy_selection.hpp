#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::ensemble {

struct GreedySelectionParams {
  std::size_t n_steps = 25;
  std::size_t max_members = 5;    ///< Members with weight > 0 in the result; 1: the candidate of least loss.
  double minimum_weight = 0.03;   ///< Lighter members are dropped and the rest rescaled.
  std::size_t max_rows = 20'000;  ///< A larger table is subsampled (by seed).
  std::size_t n_bags = 1;     ///< Averages the weights over this many row samples of 70 % (small tables: 3).
  std::vector<double> costs;  ///< Of each candidate, in any unit; empty: they cost nothing.
  double max_cost = std::numeric_limits<double>::infinity();  ///< Of all members together.
};

struct WeightedMembers {
  std::vector<std::size_t> members;  ///< Indices into the candidates, by falling weight.
  std::vector<double> weights;       ///< Sum to 1.
  double loss = 0;                   ///< training_loss of the blend on all rows.
};

/// Greedy selection with replacement on out-of-fold predictions (Caruana et al., 2004): each step adds the
/// candidate that lowers metric::training_loss of the mean most.
///
/// Shapes: candidates[i] is n_rows x y.n_outputs(), row by row. Rows where any value is NaN are left out.
/// Under a max_cost: the best affordable set of the ten affordable candidates of smallest loss (all sets are
/// looked at), or a selection among candidates that may cost all of it, half of it, a third ..., if that is
/// better; the cheapest candidate alone when every one costs more.
/// Same seed and input, same result, for any number of threads. Stops early at the deadline with what it has.
WeightedMembers greedy_selection(const data::TargetView& y,
                                 const std::vector<std::span<const double>>& candidates,
                                 const GreedySelectionParams& params, const Context& context);

/// Weighted mean of predictions into out (same shape as one candidate).
void blend(const std::vector<std::span<const double>>& candidates, const WeightedMembers& chosen,
           std::span<double> out);

}  // namespace kolosal::ensemble
