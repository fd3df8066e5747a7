#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace kolosal::model {

struct LbfgsOptions {
  std::size_t max_iterations = 100;
  std::size_t memory = 10;           ///< Pairs of steps and gradient changes that are kept.
  double gradient_tolerance = 1e-4;  ///< Converged when no entry of the gradient is larger.
  /// Estimates of the second derivatives, up to a common factor; all positive. Empty: all alike.
  std::vector<double> curvature;
};

struct LbfgsResult {
  std::size_t n_iterations = 0;
  double value = 0;
  bool converged = false;
  bool stopped = false;  ///< should_stop() ended it.
};

/// Minimizes a smooth convex function from x, in place. function(x, gradient) returns the value and fills the
/// gradient.
///
/// Stops: when should_stop() is true, checked before each iteration; x is then the best point so far.
/// Source: Nocedal and Wright, Numerical Optimization, algorithm 7.5, with a backtracking line search
/// (Armijo, interpolated).
LbfgsResult minimize_lbfgs(const std::function<double(std::span<const double>, std::span<double>)>& function,
                           std::span<double> x, const LbfgsOptions& options,
                           const std::function<bool()>& should_stop);

}  // namespace kolosal::model
