#pragma once

#include <span>
#include <vector>

namespace kolosal::transform {

/// Mean and standard deviation (divided by n), and whether the cells differ by rounding alone.
struct Spread {
  double mean = 0;
  double deviation = 0;
  bool is_constant = true;
};

/// Of finite cells. Sums are kept by blocks, so the digits do not depend on threads.
Spread spread_of(std::span<const double> cells);

/// The power of Yeo and Johnson under which the cells are likeliest to be normally distributed; 1 when they
/// are constant. Searched by Brent's method where the transformed numbers, and those of cells 20 times as
/// large, do not overflow, as in scipy.stats.yeojohnson.
double yeo_johnson_lambda(std::span<const double> cells);

/// The same for the power of Box and Cox, of positive cells: scipy.stats.boxcox.
double box_cox_lambda(std::span<const double> cells);

}  // namespace kolosal::transform
