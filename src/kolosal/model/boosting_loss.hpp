#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace kolosal::model {

/// What boosting minimises and early stopping looks at.
enum class LossKind {
  kLogLoss,       ///< one probability (of class 1) per row
  kMultiLogLoss,  ///< one probability per class
  kSquared,
  kAbsolute,
  kHuber,     ///< parameter: the absolute error from which it is linear
  kQuantile,  ///< parameter: the level
  kPoisson,   ///< deviance
  kGamma,     ///< deviance
  kTweedie,   ///< deviance; parameter: the variance power, between 1 and 2
  kFocal,     ///< of two classes, to learn by; parameter: gamma. Rounds are judged by kLogLoss.
};

/// The weighted mean loss of predictions for a fixed set of rows. Smaller is better; comparable between
/// rounds, not always with other definitions of the same loss (terms without the prediction are left out).
struct Loss {
  LossKind kind = LossKind::kSquared;
  double parameter = 0;
  std::vector<double> y;
  std::vector<double> weights;  ///< Empty: 1 each.

  /// prediction: one number per row, or one per row and class (kMultiLogLoss), row by row.
  double operator()(std::span<const double> prediction) const;
};

}  // namespace kolosal::model
