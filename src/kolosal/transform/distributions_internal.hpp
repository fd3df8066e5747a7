#pragma once

#include <cstddef>
#include <vector>

namespace kolosal::transform {

// Tail probabilities of test statistics. In long double: a p-value of 1e-300 has its nine digits too, and
// sizes of a million rows lose none to the logarithms of gamma functions.

/// P(F > f) with dfn and dfd degrees of freedom; 0 for an infinite f.
double f_survival(double f, double dfn, double dfd);
/// P(X > x) of the chi-square distribution with `df` degrees of freedom; 0 for an infinite x.
double chi_square_survival(double x, double df);

/// digamma(1), ..., digamma(n) at positions 1 ... n; position 0 holds 0. One addition each.
std::vector<double> digamma_table(std::size_t n);

}  // namespace kolosal::transform
