#pragma once

#include <vector>

#include "kolosal/automl/portfolio.hpp"
#include "kolosal/automl/problem.hpp"

namespace kolosal::automl {

/// The portfolio in the terms of what the run is scored by.
///
/// Quantiles: the boosters that have their loss, and a linear model; other learners are left out.
/// Metrics of absolute errors: two LightGBM entries also with the absolute error as their loss or, for
/// metrics of relative errors, with that. Everything else: as it is.
std::vector<Candidate> aligned_portfolio(std::vector<Candidate> portfolio, const Problem& problem);

}  // namespace kolosal::automl
