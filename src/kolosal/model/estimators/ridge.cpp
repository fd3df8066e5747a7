#include "kolosal/model/estimators/ridge.hpp"

#include <Eigen/Cholesky>
#include <cmath>

#include "kolosal/kernel/vector_ops.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

constexpr std::size_t kMaxGramFeatures = 1200;

class RidgeSolver final : public LinearLearner::Solver {
 public:
  RidgeSolver(const RidgeParams& params, const TrainingData& data, const LinearTable& table,
              std::span<const std::uint32_t> rows, const Context& context)
      : params_(params),
        x_(table, rows, weights_of(data.y, rows, false), params.standardize, context),
        w_(x_.n_features(), 0.0) {
    y_mean_ = mean_target(data.y, rows)[0];
    std::vector<double> residual = target_of(data.y, rows);
    for (std::size_t i = 0; i < residual.size(); ++i) residual[i] = x_.weight(i) * (residual[i] - y_mean_);
    right_side_.resize(x_.n_features());
    double total = 0;
    x_.multiply_transposed(residual, 1, right_side_, {&total, 1}, context);
    // The residuals sum to 0 up to rounding: taking that out keeps large means of sparse features harmless.
    kernel::axpy(-total, x_.mean().data(), right_side_.data(), right_side_.size());
    if (x_.n_features() <= kMaxGramFeatures && !context.should_stop()) gram_ = x_.centred_gram(context);
  }

  Step solve(double factor, const Context& context) override {
    const double alpha = params_.alpha * factor;
    Step step;
    if (context.should_stop()) {
      step.stopped = true;
      return step;
    }
    if (gram_.empty())
      conjugate_gradients(alpha, step, context);
    else
      cholesky(alpha, step);
    const double intercept = y_mean_ - kernel::dot(w_.data(), x_.mean().data(), w_.size());
    step.model = x_.unscale(w_, {&intercept, 1});
    return step;
  }

  std::vector<double> spread() const override { return x_.table_deviation(); }

  std::vector<double> strength_factors() const override {
    constexpr std::size_t kCheapCells = 3'000'000;
    if (!params_.search_strength || (gram_.empty() && x_.n_stored() > kCheapCells)) return {1.0};
    return {300.0, 30.0, 3.0, 0.3};
  }

  std::string describe(double factor) const override {
    return fmt::format("alpha = {:g}", params_.alpha * factor);
  }

 private:
  void cholesky(double alpha, Step& step) {
    using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const auto p = static_cast<Eigen::Index>(w_.size());
    step.n_iterations = 1;
    if (p == 0) return;
    Matrix gram = Eigen::Map<const Matrix>(gram_.data(), p, p);
    // Without any penalty equal columns have no single answer; this much is below what the answer can be
    // known to.
    gram.diagonal().array() += std::max(alpha, 1e-12 * gram.diagonal().maxCoeff());
    const Eigen::LLT<Eigen::Ref<Matrix>, Eigen::Lower> factor(gram);
    Eigen::Map<Eigen::VectorXd> w(w_.data(), p);
    w = factor.solve(Eigen::Map<const Eigen::VectorXd>(right_side_.data(), p));
  }

  /// out = (X' S X + alpha) v with the columns of X centred by their weighted mean.
  void apply(const std::vector<double>& v, double alpha, std::vector<double>& out, const Context& context) {
    const double shift = -kernel::dot(v.data(), x_.mean().data(), v.size());
    std::vector<double> scores(x_.n_rows());
    x_.multiply(v, {&shift, 1}, scores, context);
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] *= x_.weight(i);
    double total = 0;
    x_.multiply_transposed(scores, 1, out, {&total, 1}, context);
    kernel::axpy(-total, x_.mean().data(), out.data(), out.size());
    kernel::axpy(alpha, v.data(), out.data(), out.size());
  }

  /// From w_ on, preconditioned by the diagonal.
  void conjugate_gradients(double alpha, Step& step, const Context& context) {
    const std::size_t p = w_.size();
    std::vector<double> inverse_diagonal(p), product(p), residual = right_side_, z(p);
    for (std::size_t j = 0; j < p; ++j) {
      const double diagonal = x_.total_weight() * x_.deviation()[j] * x_.deviation()[j] + alpha;
      inverse_diagonal[j] = diagonal > 0 ? 1 / diagonal : 0;
    }
    auto precondition = [&] {
      for (std::size_t j = 0; j < p; ++j) z[j] = inverse_diagonal[j] * residual[j];
      return kernel::dot(residual.data(), z.data(), p);
    };
    apply(w_, alpha, product, context);
    kernel::axpy(-1.0, product.data(), residual.data(), p);
    const double goal = params_.tol * std::sqrt(kernel::dot(right_side_.data(), right_side_.data(), p));
    double rho = precondition();
    std::vector<double> direction = z;
    step.converged = false;
    for (step.n_iterations = 0; step.n_iterations < static_cast<std::size_t>(params_.max_iter);
         ++step.n_iterations) {
      if (std::sqrt(kernel::dot(residual.data(), residual.data(), p)) <= goal) {
        step.converged = true;
        return;
      }
      if (context.should_stop()) {
        step.stopped = true;
        return;
      }
      apply(direction, alpha, product, context);
      const double length = rho / kernel::dot(direction.data(), product.data(), p);
      kernel::axpy(length, direction.data(), w_.data(), p);
      kernel::axpy(-length, product.data(), residual.data(), p);
      const double next = precondition();
      for (std::size_t j = 0; j < p; ++j) direction[j] = z[j] + next / rho * direction[j];
      rho = next;
    }
  }

  RidgeParams params_;
  DesignMatrix x_;
  std::vector<double> w_;  // the solution so far
  double y_mean_ = 0;
  std::vector<double> right_side_;  // X' S (y - mean)
  std::vector<double> gram_;        // empty: conjugate gradients
};

ParamTable<RidgeParams> table() {
  using P = RidgeParams;
  return ParamTable<P>()
      .param("alpha", &P::alpha, "L2 strength: larger is stronger.", log_range(1e-3, 1e4))
      .limits(0, 1e12)
      .param("search_strength", &P::search_strength,
             "Try 0.3, 3, 30 and 300 times alpha, and keep the best on the validation rows (or on a fifth of "
             "the training rows).")
      .param("standardize", &P::standardize, "Scale numbers to variance 1 before fitting.")
      .param("max_iter", &P::max_iter, "Most iterations of the solver for wide tables.")
      .limits(1, 1e6)
      .param("tol", &P::tol, "Relative residual at which the solver for wide tables stops.")
      .limits(0, 1);
}

}  // namespace

std::unique_ptr<LinearLearner::Solver> Ridge::make_solver(const TrainingData& data,
                                                          const LinearTable& linear_table,
                                                          std::span<const std::uint32_t> rows,
                                                          const Context& context) const {
  return std::make_unique<RidgeSolver>(params_, data, linear_table, rows, context);
}

EstimatorInfo ridge_info() {
  EstimatorInfo info;
  info.name = "ridge";
  info.summary = "Least squares with an L2 penalty.";
  info.tasks = {data::Task::kRegression};
  info.handles_categories = info.handles_sparse = true;
  info.params = table().specs();
  info.make = [](const ParamMap& params) -> std::unique_ptr<Estimator> {
    return std::make_unique<Ridge>(table().read(params, "ridge"));
  };
  return info;
}

}  // namespace kolosal::model
