#pragma once

#include <cstddef>
#include <vector>

namespace kolosal::transform {

// Statistics of finite numbers. Sums are kept in long double: 1e308 does not overflow them, and they are
// exact enough to agree with NumPy to 1e-12. Each returns 0 for no cells.

double mean_of(const std::vector<double>& cells);
/// Mean of squared distances to `mean`, divided by n; of cells near 1e308 it exceeds what a double holds.
long double variance_of(const std::vector<double>& cells, double mean);
/// Linear between the two nearest cells, as NumPy's default. Sorts only as far as needed; reorders cells.
double quantile_of(std::vector<double>& cells, double q);
/// The smallest of the most frequent cells. Sorts cells.
double most_frequent_of(std::vector<double>& cells);

}  // namespace kolosal::transform
