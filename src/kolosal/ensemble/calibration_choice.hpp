#pragma once

#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/metric/metric.hpp"
#include "kolosal/model/calibrator.hpp"

namespace kolosal::ensemble {

struct CalibrationChoice {
  model::Calibrator calibrator;    ///< kNone when nothing helps.
  double loss_before = 0;          ///< training_loss of the predictions as they are
  double loss = 0;                 ///< of those that were calibrated by the other folds
  std::vector<double> prediction;  ///< of all rows, calibrated; honest: see below
};

/// Chooses how the probabilities of a blend are calibrated, by log loss out of fold: rows are dealt into five
/// folds by class, each kind is fitted on four and judged on the fifth. From the simplest to the freest
/// (temperature, Platt, beta, isotonic; for more than two classes temperature and Platt per class) a kind is
/// taken that lowers the loss by a thousandth of it. What is taken is fitted once more, on all rows.
///
/// A kind that may change the order of rows or of classes must not make `metric`, the mean over the folds,
///         worse either: isotonic steps make ties, which cost a ranking.
/// Rows:   temperature needs 20, Platt and beta 100, isotonic 1000 and 100 of each class, Platt per class 20
/// of
///         each class. Fits see at most 20,000 rows and 200,000 probabilities, every k-th row. Rows with a
///         value that is not finite, or of weight 0, are left out of fits.
/// The predictions of a kind that keeps the order are those of the last fit (its few numbers learn nothing by
///         heart); those of another kind come from the fits without the row's fold.
/// Threads: fits are spread over those of the context; the result is the same at any number.
CalibrationChoice choose_calibration(const data::TargetView& y, std::span<const double> prediction,
                                     const metric::Metric& metric, const Context& context);

}  // namespace kolosal::ensemble
