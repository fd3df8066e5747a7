#pragma once

#include <span>
#include <vector>

#include "kolosal/data/target.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::ensemble {

/// What a threshold is for two classes, for more: the probability of each class is multiplied by its weight,
/// and the largest product decides.
struct DecisionWeights {
  std::vector<double> values;  ///< One per class; empty: 1 each.
  /// Per row and class 1 for the decided class and else 0, by weights that the row had no say in; empty when
  /// `values` is.
  std::vector<double> decisions;
};

/// Whether such weights can improve the metric: of more than two classes (at most 30), on labels, and not
/// accuracy, for which the most probable class is best.
bool depends_on_decision_weights(const metric::Metric& metric, const data::TargetView& y);

/// Weights with the best metric that a search along one class after the other finds, on out-of-fold
/// predictions; none unless weights that are chosen on four fifths of the rows do better on the last fifth,
/// all five taken together. The search starts at powers of 1 / (weight of the class), which for balanced
/// accuracy is the answer.
///
/// Cost: of at most 20,000 rows; it sees counts of decided classes only.
DecisionWeights choose_decision_weights(const data::TargetView& y, std::span<const double> prediction,
                                        const metric::Metric& metric);

}  // namespace kolosal::ensemble
