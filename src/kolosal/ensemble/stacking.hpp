#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/ensemble/greedy_selection.hpp"

namespace kolosal::ensemble {

struct StackingParams {
  std::size_t max_members = 5;
  double minimum_weight = 0.03;  ///< Lighter members are dropped and the rest weighed anew.
  std::size_t max_rows = 5'000;  ///< A larger table is subsampled (by seed).
  std::size_t max_iterations = 100;
};

/// Stacking by a convex combination (Breiman 1996, "Stacked regressions"): the weights, none negative and of
/// sum 1, that minimize metric::training_loss of the blend on out-of-fold predictions. Squared error:
/// projected gradient steps. Log loss: expectation maximization of a mixture, which never increases it. Where
/// the target has one quantile, the squared error stands for its pinball loss; several are not taken.
///
/// Shapes, missing, determinism: as greedy_selection().
WeightedMembers convex_stacking(const data::TargetView& y,
                                const std::vector<std::span<const double>>& candidates,
                                const StackingParams& params, const Context& context);

/// Loss that a way of weighing members has on rows that the weights were not chosen on: the rows are split
/// into folds (by seed), and weigh() is called with all but one of them.
///
/// Weights that look good on the rows they were fitted on alone are thus seen through.
double cross_fitted_loss(const data::TargetView& y, const std::vector<std::span<const double>>& candidates,
                         std::size_t n_folds,
                         const std::function<WeightedMembers(
                             const data::TargetView&, const std::vector<std::span<const double>>&)>& weigh,
                         const Context& context);

}  // namespace kolosal::ensemble
