#pragma once

#include <span>

#include "kolosal/data/target.hpp"

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

}  // namespace kolosal::ensemble
