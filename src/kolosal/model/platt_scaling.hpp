#pragma once

#include <span>

namespace kolosal::model {

/// Probability of a class by a score: sigmoid(slope * score + offset).
struct PlattScaling {
  double slope = 1;
  double offset = 0;
};

/// The most likely scaling of scores by is_positive (0 or 1) and weights (> 0; empty: all 1). The two classes
/// are taken for (n_positive + 1) / (n_positive + 2) and 1 / (n_negative + 2), which keeps both away from
/// certainty.
///
/// Source: Platt (1999); Newton's method with backtracking of Lin, Lin and Weng (2007).
PlattScaling fit_platt(std::span<const double> scores, std::span<const double> is_positive,
                       std::span<const double> weights);

}  // namespace kolosal::model
