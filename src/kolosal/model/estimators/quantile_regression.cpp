#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "kolosal/kernel/vector_ops.hpp"
#include "kolosal/model/smooth_loss_solver.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

constexpr std::size_t kMaxFeatures = 4000;

struct QuantileRegressionParams {
  double quantile = 0.5;
  double alpha = 0.01;
  bool search_strength = true;
  bool standardize = true;
  int max_iter = 100;
  double tol = 1e-8;
};

/// The linear program by a primal-dual interior-point method. In the dual every row has a number a in [0, u],
/// u its share of the weight, such that M' a stays M' a0; the slopes are the multipliers of that. A penalty
/// alpha * |w_j| is one more row: the unit vector of j, target 0, quantile 1/2, weight 2 alpha.
class QuantileSolver final : public LinearLearner::Solver {
 public:
  QuantileSolver(const QuantileRegressionParams& params, const TrainingData& data, const LinearTable& table,
                 std::span<const std::uint32_t> rows, const Context& context)
      : params_(params),
        x_(table, rows, weights_of(data.y, rows, false), params.standardize, context),
        unit_(TargetUnit::of(data.y, rows)),
        target_(target_of(data.y, rows)),
        n_(x_.n_rows()),
        p_(x_.n_features()) {
    if (p_ > kMaxFeatures)
      throw Error(
          ErrorCode::kData,
          "quantile_regression takes at most {} features, numbers and levels together; choose columns "
          "or encode categories before: {}",
          kMaxFeatures, p_);
    for (double& value : target_) value = unit_.scaled(value);
  }

  Step solve(double factor, const Context& context) override;
  std::vector<double> spread() const override { return x_.table_deviation(); }
  std::vector<double> strength_factors() const override {
    constexpr std::size_t kCheapCells = 300'000;
    if (!params_.search_strength || x_.n_stored() > kCheapCells || p_ > 300) return {1.0};
    return {10, 1, 0.1, 0.01};
  }
  std::string describe(double factor) const override {
    return fmt::format("alpha = {:g}", params_.alpha * factor);
  }

 private:
  using Vector = std::vector<double>;
  /// A point inside: a and s = u - a are the shares, z and w their multipliers, z - w = -residual.
  struct Point {
    Vector beta;  // n_features slopes, then the intercept
    Vector a, s, z, w;
  };

  Point start(double alpha) const;
  /// M v: rows of the table, then those of the penalty.
  Vector multiply(const Vector& beta, std::size_t n_all, const Context& context) const;
  Vector multiply_transposed(const Vector& r, const Context& context) const;
  void factorize(const Vector& q, const Context& context);
  /// One step of Mehrotra's predictor and corrector. False when the arithmetic can not go on.
  bool advance(Point& at, const Context& context);

  QuantileRegressionParams params_;
  DesignMatrix x_;
  TargetUnit unit_;
  Vector target_;
  std::size_t n_, p_;
  Eigen::LLT<Eigen::MatrixXd, Eigen::Lower> factor_;
};

QuantileSolver::Point QuantileSolver::start(double alpha) const {
  const std::size_t n_all = n_ + (alpha > 0 ? p_ : 0);
  Point at;
  at.beta.assign(p_ + 1, 0.0);
  for (std::size_t i = 0; i < n_all; ++i) {
    // A row without weight keeps a trace of it, so that there is an inside.
    const double share =
        i < n_ ? std::max(x_.weight(i) / x_.total_weight(), 1e-12 / static_cast<double>(n_)) : 2 * alpha;
    const double a = share * (i < n_ ? 1 - params_.quantile : 0.5), residual = i < n_ ? target_[i] : 0.0;
    at.a.push_back(a);
    at.s.push_back(share - a);
    at.z.push_back(std::max(-residual, 0.0) + 0.1);
    at.w.push_back(std::max(residual, 0.0) + 0.1);
  }
  return at;
}

std::vector<double> QuantileSolver::multiply(const Vector& beta, std::size_t n_all,
                                             const Context& context) const {
  Vector out(n_all);
  const std::span<const double> all(beta);
  x_.multiply(all.first(p_), all.subspan(p_), std::span(out).first(n_), context);
  std::copy_n(beta.begin(), n_all - n_, out.begin() + static_cast<std::ptrdiff_t>(n_));
  return out;
}

std::vector<double> QuantileSolver::multiply_transposed(const Vector& r, const Context& context) const {
  Vector out(p_ + 1);
  x_.multiply_transposed(std::span(r).first(n_), 1, std::span(out).first(p_), std::span(out).subspan(p_),
                         context);
  for (std::size_t i = n_; i < r.size(); ++i) out[i - n_] += r[i];
  return out;
}

/// M' diag(q) M.
void QuantileSolver::factorize(const Vector& q, const Context& context) {
  const auto p = static_cast<Eigen::Index>(p_);
  const Vector gram = x_.gram(std::span(q).first(n_), context);
  Vector border(p_);
  double total = 0;
  x_.multiply_transposed(std::span(q).first(n_), 1, border, {&total, 1}, context);
  Eigen::MatrixXd products(p + 1, p + 1);
  for (Eigen::Index j = 0; j < p; ++j) {
    for (Eigen::Index l = 0; l <= j; ++l) products(j, l) = gram[static_cast<std::size_t>(j * p + l)];
    products(p, j) = border[static_cast<std::size_t>(j)];
    if (q.size() > n_) products(j, j) += q[n_ + static_cast<std::size_t>(j)];
  }
  products(p, p) = total;
  // Without a penalty equal columns have no single answer; this is below what the answer can be known to.
  products.diagonal().array() += 1e-13 * products.diagonal().maxCoeff();
  factor_.compute(products);
}

bool QuantileSolver::advance(Point& at, const Context& context) {
  const std::size_t n_all = at.a.size();
  const Vector fitted = multiply(at.beta, n_all, context);
  Vector q(n_all), gap_z(n_all, 0.0), gap_w(n_all, 0.0), da(n_all), dz(n_all), dw(n_all);
  for (std::size_t i = 0; i < n_all; ++i) q[i] = 1 / (at.z[i] / at.a[i] + at.w[i] / at.s[i]);
  factorize(q, context);
  if (factor_.info() != Eigen::Success) return false;

  Vector d_beta;
  // The products a z and s w become gap_z and gap_w, to first order.
  const auto solve = [&] {
    Vector h(n_all), weighted(n_all);
    for (std::size_t i = 0; i < n_all; ++i) {
      const double dual = (i < n_ ? target_[i] : 0.0) - fitted[i] + at.z[i] - at.w[i];
      h[i] = dual + gap_z[i] / at.a[i] - gap_w[i] / at.s[i] + at.w[i] - at.z[i];
      weighted[i] = q[i] * h[i];
    }
    d_beta = multiply_transposed(weighted, context);
    Eigen::Map<Eigen::VectorXd> right(d_beta.data(), static_cast<Eigen::Index>(p_ + 1));
    factor_.solveInPlace(right);
    const Vector change = multiply(d_beta, n_all, context);
    for (std::size_t i = 0; i < n_all; ++i) {
      da[i] = q[i] * (h[i] - change[i]);
      dz[i] = (gap_z[i] - at.z[i] * da[i]) / at.a[i] - at.z[i];
      dw[i] = (gap_w[i] + at.w[i] * da[i]) / at.s[i] - at.w[i];
    }
  };
  double primal = 1, dual = 1;  // longest steps that stay inside
  const auto measure = [&] {
    primal = dual = 1 / 0.9995;
    for (std::size_t i = 0; i < n_all; ++i) {
      if (da[i] != 0) primal = std::min(primal, da[i] < 0 ? -at.a[i] / da[i] : at.s[i] / da[i]);
      if (dz[i] < 0) dual = std::min(dual, -at.z[i] / dz[i]);
      if (dw[i] < 0) dual = std::min(dual, -at.w[i] / dw[i]);
    }
    primal *= 0.9995, dual *= 0.9995;
  };

  solve();
  measure();
  double now = 0, then = 0;
  for (std::size_t i = 0; i < n_all; ++i) {
    now += at.a[i] * at.z[i] + at.s[i] * at.w[i];
    then += (at.a[i] + primal * da[i]) * (at.z[i] + dual * dz[i]) +
            (at.s[i] - primal * da[i]) * (at.w[i] + dual * dw[i]);
  }
  const double centre = std::pow(then / now, 3) * now / (2 * static_cast<double>(n_all));
  for (std::size_t i = 0; i < n_all; ++i) {
    gap_z[i] = centre - da[i] * dz[i];
    gap_w[i] = centre + da[i] * dw[i];
  }
  solve();
  measure();
  if (!std::isfinite(primal) || !std::isfinite(dual) || !std::isfinite(d_beta[p_])) return false;
  kernel::axpy(dual, d_beta.data(), at.beta.data(), d_beta.size());
  for (std::size_t i = 0; i < n_all; ++i) {
    at.a[i] += primal * da[i];
    at.s[i] -= primal * da[i];
    at.z[i] += dual * dz[i];
    at.w[i] += dual * dw[i];
  }
  return true;
}

LinearLearner::Solver::Step QuantileSolver::solve(double factor, const Context& context) {
  Point at = start(params_.alpha * factor);
  Step step;
  step.converged = false;
  while (step.n_iterations < static_cast<std::size_t>(params_.max_iter)) {
    const double gap = kernel::dot(at.a.data(), at.z.data(), at.a.size()) +
                       kernel::dot(at.s.data(), at.w.data(), at.a.size());
    step.converged = gap <= params_.tol;
    if (step.converged) break;
    step.stopped = context.should_stop();
    if (step.stopped || !advance(at, context)) break;
    ++step.n_iterations;
  }
  Vector slopes(at.beta.begin(), at.beta.end() - 1), intercept = {at.beta.back()};
  unit_.restore(slopes, intercept);
  step.model = x_.unscale(slopes, intercept);
  return step;
}

/// A quantile of the target that is linear in the features. Minimizes
///   sum of weight * pinball loss / total weight + alpha * |w|_1; the intercept is not penalized.
///
/// Missing: a missing category is a level of its own; a missing number is refused with kData.
/// Cost:    about 20 iterations of n_rows * n_features^2 + n_features^3 / 3 per strength; at most 4000
/// features. Exact:   up to tol, the gap between the loss and a lower bound of it, in deviations of the
/// target. Source:  the objective of scikit-learn's QuantileRegressor; Portnoy and Koenker (1997) for the
/// interior
///          point, Mehrotra (1992) for the steps.
class QuantileRegression final : public LinearLearner {
 public:
  using Params = QuantileRegressionParams;
  explicit QuantileRegression(Params params) : params_(params) {}

 protected:
  std::unique_ptr<Solver> make_solver(const TrainingData& data, const LinearTable& table,
                                      std::span<const std::uint32_t> rows,
                                      const Context& context) const override {
    return std::make_unique<QuantileSolver>(params_, data, table, rows, context);
  }

  double choice_loss(const data::TargetView& y, std::span<const std::uint32_t> rows,
                     std::span<const double> prediction) const override {
    double loss = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double residual = y.values[rows[i]] - prediction[i];
      loss += y.weight(rows[i]) * std::max(params_.quantile * residual, (params_.quantile - 1) * residual);
    }
    return loss;
  }

 private:
  Params params_;
};

ParamTable<QuantileRegressionParams> table() {
  using P = QuantileRegressionParams;
  return ParamTable<P>()
      .param("quantile", &P::quantile, "The quantile that is predicted: 0.5 is the median.")
      .limits(1e-6, 1 - 1e-6)
      .param("alpha", &P::alpha, "L1 strength: larger is stronger.", log_range(1e-5, 1))
      .limits(0, 1e12)
      .param("search_strength", &P::search_strength,
             "Also try ten times, a tenth and a hundredth of alpha, and keep the best on the validation rows "
             "(or "
             "on a fifth of the training rows).")
      .param("standardize", &P::standardize, "Scale numbers to variance 1 before fitting.")
      .param("max_iter", &P::max_iter, "Most iterations per strength.")
      .limits(1, 1e6)
      .param("tol", &P::tol, "Converged when the mean loss is known to this, in deviations of the target.")
      .limits(0, 1);
}

}  // namespace

EstimatorInfo quantile_regression_info() {
  EstimatorInfo info;
  info.name = "quantile_regression";
  info.summary = "Linear regression of a quantile, such as the median, with an L1 penalty.";
  info.tasks = {data::Task::kRegression};
  info.handles_categories = info.handles_sparse = true;
  return describe<QuantileRegression>(std::move(info), table());
}

}  // namespace kolosal::model
