#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/model/boosting_derivatives.hpp"

namespace kolosal::model {

/// How the values of the leaves of one tree are found.
struct LeafEstimation {
  LossKind loss = LossKind::kSquared;
  double parameter = 0;
  double l2 = 0;                   ///< Added to the curvature of each leaf.
  std::size_t n_iterations = 1;    ///< Newton steps.
  std::span<const float> weights;  ///< per row; empty: 1 each
};

/// Values of n_leaves leaves (leaf by leaf, one per output) that lower the loss of the rows in them: Newton
/// steps from 0, or the quantile of the residuals (absolute, quantile loss). Sums are added block by block of
/// fixed size.
///
/// leaf: per row.
std::vector<double> estimate_leaves(const LeafEstimation& how, const ScoredRows& rows,
                                    std::span<const std::uint8_t> leaf, std::size_t n_leaves,
                                    const Context& context);

}  // namespace kolosal::model
