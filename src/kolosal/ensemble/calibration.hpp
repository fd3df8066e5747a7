#pragma once

#include <span>

#include "kolosal/data/target.hpp"
#include "kolosal/model/calibrator.hpp"

namespace kolosal::ensemble {

/// The temperature T that makes probabilities honest (Guo et al., 2017): p^(1/T), made to sum to 1 again, has
/// the smallest weighted log loss. Above 1 softens, below 1 sharpens; the order of the classes of a row never
/// changes.
///
/// Shapes: prediction is n_rows x y.n_outputs(), out-of-fold. Rows with a value that is not finite are left
/// out. Edge:   a prior worth one row pulls 1/T to 1, so that few or perfectly separated rows do not run
/// away; T is within
///         [0.1, 10], and 1 without rows.
/// Cost:   about six passes, each with one exponential per output.
double fit_temperature(const data::TargetView& y, std::span<const double> prediction);

/// Fits one kind of calibration.
///
/// kPlatt, kPlattPerClass: of the log-odds, by model::fit_platt() with its smoothed targets. kBeta: the most
///         likely a and b of at least 0, and c, with a prior worth one row at the identity (1, 1, 0).
///         kIsotonic: pool adjacent violators with lines between the knots, as scikit-learn's
///         IsotonicRegression; heights are kept 1 / (n + 2) away from 0 and 1, since no number of rows shows
///         that a thing can not be.
/// Shapes: as fit_temperature(); predictions are finite, weights above 0. kPlatt, kBeta and kIsotonic are for
///         two classes, kPlattPerClass for more.
model::Calibrator fit_calibrator(model::CalibrationKind kind, const data::TargetView& y,
                                 std::span<const double> prediction);

/// fit_calibrator() of kBeta with a prior worth `prior_rows` rows: 0 is the plain maximum of the likelihood.
model::Calibrator fit_beta_calibration(const data::TargetView& y, std::span<const double> prediction,
                                       double prior_rows = 1);

}  // namespace kolosal::ensemble
