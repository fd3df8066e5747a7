#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kolosal/model/boosting_loss.hpp"

namespace kolosal::model {

/// Where the derivatives of a loss are wanted: targets and raw scores (before the link) of all rows.
struct ScoredRows {
  std::span<const float> y;
  std::span<const double> score;  ///< output by output, y.size() each
};

/// The direction in which each row's score lowers its loss (minus the first derivative), and the second
/// derivative, of rows [begin, end). Both are output by output like the scores; curvature may be empty.
///
/// Curvature is 1 where a loss has none that helps (absolute, quantile, huber); of several classes it is the
/// diagonal times n_classes / (n_classes - 1), with which a step along all classes at once does not overshoot
/// (Friedman, 2001, section 4.6). Float32 accuracy.
void loss_derivatives(LossKind kind, double parameter, const ScoredRows& rows, std::size_t begin,
                      std::size_t end, std::span<float> direction, std::span<float> curvature);

/// The score that is best for all rows alike, per output.
/// y, weights (empty: 1 each): per row.
std::vector<double> best_constant_score(LossKind kind, double parameter, std::size_t n_outputs,
                                        std::span<const float> y, std::span<const float> weights);

/// The value below which a share `level` of the weight lies: the smallest of `values` for which that is so.
/// Reorders values. weights: empty, or one per value.
double weighted_quantile(std::vector<std::pair<double, double>>& value_and_weight, double level);

}  // namespace kolosal::model
