#include "kolosal/model/lbfgs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kolosal/kernel/vector_ops.hpp"

namespace kolosal::model {
namespace {

using Vector = std::vector<double>;

double inner(const Vector& a, const Vector& b) { return kernel::dot(a.data(), b.data(), a.size()); }

double largest(const Vector& a) {
  double out = 0;
  for (double value : a) out = std::max(out, std::fabs(value));
  return out;
}

/// The last steps and gradient changes, and the direction that follows from them.
class History {
 public:
  History(std::size_t capacity, const Vector& curvature) : capacity_(capacity), curvature_(curvature) {}

  void add(Vector step, Vector change) {
    const double curvature = inner(step, change);
    // A pair without positive curvature would make the direction point uphill.
    if (!(curvature > std::numeric_limits<double>::epsilon() * inner(change, change))) return;
    if (pairs_.size() == capacity_) pairs_.erase(pairs_.begin());
    scale_ = curvature / inner(change, divided(change));
    pairs_.push_back({std::move(step), std::move(change), 1 / curvature});
  }

  /// Minus the approximate inverse Hessian times the gradient (the two-loop recursion).
  Vector direction(const Vector& gradient) const {
    Vector q = gradient;
    Vector alpha(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      alpha[i] = pairs_[i].rho * inner(pairs_[i].step, q);
      kernel::axpy(-alpha[i], pairs_[i].change.data(), q.data(), q.size());
    }
    q = divided(std::move(q));
    const double scale = pairs_.empty() ? 1 / std::max(1.0, std::sqrt(inner(q, q))) : scale_;
    for (double& value : q) value *= scale;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const double beta = pairs_[i].rho * inner(pairs_[i].change, q);
      kernel::axpy(alpha[i] - beta, pairs_[i].step.data(), q.data(), q.size());
    }
    for (double& value : q) value = -value;
    return q;
  }

  void clear() { pairs_.clear(); }
  bool empty() const { return pairs_.empty(); }

 private:
  struct Pair {
    Vector step, change;
    double rho;
  };
  Vector divided(Vector v) const {
    for (std::size_t i = 0; i < curvature_.size(); ++i) v[i] /= curvature_[i];
    return v;
  }

  std::size_t capacity_;
  const Vector& curvature_;
  double scale_ = 1;
  std::vector<Pair> pairs_;
};

/// The minimum of the parabola through value, slope and the trial value, kept within [0.1, 0.5] of the trial
/// step.
double shorter_step(double step, double value, double slope, double trial_value) {
  const double parabola = -slope * step * step / (2 * (trial_value - value - slope * step));
  if (!std::isfinite(parabola)) return step * 0.5;
  return std::clamp(parabola, 0.1 * step, 0.5 * step);
}

}  // namespace

LbfgsResult minimize_lbfgs(const std::function<double(std::span<const double>, std::span<double>)>& function,
                           std::span<double> x, const LbfgsOptions& options,
                           const std::function<bool()>& should_stop) {
  constexpr double kArmijo = 1e-4;
  const std::size_t n = x.size();
  Vector gradient(n), trial(n), trial_gradient(n);
  LbfgsResult result;
  result.value = function(x, gradient);
  History history(options.memory, options.curvature);

  while (true) {
    if (largest(gradient) <= options.gradient_tolerance) {
      result.converged = true;
      return result;
    }
    if (result.n_iterations >= options.max_iterations) return result;
    if (should_stop()) {
      result.stopped = true;
      return result;
    }
    Vector direction = history.direction(gradient);
    const double slope = inner(direction, gradient);

    double step = 1;
    double value = 0;
    bool found = false;
    for (int attempt = 0; attempt < 30 && slope < 0; ++attempt) {
      for (std::size_t i = 0; i < n; ++i) trial[i] = x[i] + step * direction[i];
      value = function(trial, trial_gradient);
      // The last term forgives the rounding of two nearly equal values close to the optimum.
      const double rounding = 4 * std::numeric_limits<double>::epsilon() * std::fabs(result.value);
      found = value <= result.value + kArmijo * step * slope + rounding;
      if (found) break;
      step = shorter_step(step, result.value, slope, value);
    }
    if (!found) {
      // No way down: at the limit of the arithmetic, or the memory misleads. Try once more along the
      // gradient.
      if (history.empty()) {
        result.converged = true;
        return result;
      }
      history.clear();
      continue;
    }
    Vector change(n);
    for (std::size_t i = 0; i < n; ++i) {
      change[i] = trial_gradient[i] - gradient[i];
      direction[i] *= step;
      x[i] = trial[i];
    }
    gradient.swap(trial_gradient);
    history.add(std::move(direction), std::move(change));
    result.value = value;
    ++result.n_iterations;
  }
}

}  // namespace kolosal::model
