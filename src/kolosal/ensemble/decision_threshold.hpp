#pragma once

#include <span>
#include <vector>

#include "kolosal/data/target.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::ensemble {

/// Above which probability a row is of class 1.
struct DecisionThreshold {
  double value = 0.5;
  /// Class 0 or 1 of each row, by thresholds that the row had no say in; empty when the value is 0.5.
  std::vector<double> decisions;
};

/// Whether a threshold can improve the metric: of two classes, on labels, and not one that is best when all
/// rows are one class (precision, recall and the likelihood ratios of class 1 alone).
bool depends_on_threshold(const metric::Metric& metric, data::Task task);

/// The threshold with the best metric on out-of-fold predictions of two classes; 0.5 unless thresholds that
/// are chosen on four fifths of the rows do better on the last fifth, all five taken together.
///
/// Of equal thresholds the one nearest to 0.5; between two neighbouring predictions the middle. For
/// "expected_cost:..." it is the probability at which both decisions cost the same, as the matrix has it.
/// Cost:   six sorts, and the metric of four rows for each distinct prediction: it sees counts only.
DecisionThreshold choose_threshold(const data::TargetView& y, std::span<const double> prediction,
                                   const metric::Metric& metric);

}  // namespace kolosal::ensemble
