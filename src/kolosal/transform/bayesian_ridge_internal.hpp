#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kolosal/core/context.hpp"

namespace kolosal::transform {

/// Linear regression whose two precisions (of the noise, of the coefficients) are those of maximum marginal
/// likelihood (MacKay 1992, Tipping 2001), with the priors and the stopping rule of scikit-learn's
/// BayesianRidge.
struct BayesianRidge {
  std::vector<double> coefficients;
  std::vector<double> centre;  ///< Means of the features.
  double intercept = 0;
  double noise_precision = 1;      ///< alpha
  std::vector<double> covariance;  ///< Of the coefficients, n x n, row by row; empty unless asked for.

  double predict(std::span<const double> x) const;
  /// Of a prediction, noise included. Needs the covariance.
  double deviation(std::span<const double> x) const;
};

/// features: columns with a number for each of the rows; y: the same. Empty coefficients when the numbers are
/// so large that products overflow, or there is no row.
BayesianRidge fit_bayesian_ridge(const std::vector<std::vector<double>>& features,
                                 const std::vector<double>& y, bool with_covariance, const Context& context);

}  // namespace kolosal::transform
