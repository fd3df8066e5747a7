#include "kolosal/model/estimators/logistic_regression.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/kernel/vector_ops.hpp"
#include "kolosal/model/lbfgs.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

double sigmoid(double z) {
  // exp() of a negative number only: no overflow.
  const double e = std::exp(-std::fabs(z));
  return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/// Turns scores into probabilities, in place. Returns log(sum of exp(score)).
double softmax(std::span<double> scores) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (double& score : scores) score /= sum;
  return largest + std::log(sum);
}

class LogisticSolver final : public LinearLearner::Solver {
 public:
  LogisticSolver(const LogisticRegressionParams& params, const TrainingData& data, const LinearTable& table,
                 std::span<const std::uint32_t> rows, const Context& context)
      : params_(params),
        k_(data.y.n_outputs()),
        y_(target_of(data.y, rows)),
        x_(table, rows, weights_of(data.y, rows, is_balanced(params.class_weight, "logistic_regression")),
           params.standardize, context),
        w_((x_.n_features() + 1) * k_, 0.0),
        scores_(x_.n_rows() * k_) {
    start_at_shares(mean_target(data.y, rows));
  }

  Step solve(double factor, const Context& context) override {
    LbfgsOptions options;
    options.max_iterations = static_cast<std::size_t>(params_.max_iter);
    options.gradient_tolerance = params_.tol;
    const double penalty = 1 / (params_.C * factor * x_.total_weight());
    options.curvature = curvature(penalty);
    const auto result =
        minimize_lbfgs([&](std::span<const double> w,
                           std::span<double> gradient) { return evaluate(w, penalty, gradient, context); },
                       w_, options, [&] { return context.should_stop(); });
    const std::span<const double> all(w_);
    return {x_.unscale(all.first(n_slopes()), all.subspan(n_slopes())), result.n_iterations, result.converged,
            result.stopped};
  }

  std::vector<double> spread() const override { return x_.table_deviation(); }

  std::vector<double> strength_factors() const override {
    constexpr std::size_t kCheapCells = 3'000'000;  // about a second for the path
    if (!params_.search_strength || x_.n_stored() * k_ > kCheapCells) return {1.0};
    return {0.1, 1.0, 10.0};
  }

  std::string describe(double factor) const override { return fmt::format("C = {:g}", params_.C * factor); }

 private:
  std::size_t n_slopes() const { return x_.n_features() * k_; }

  /// An upper bound of the second derivatives of the loss: a quarter of each feature's mean square. Levels
  /// that few rows hold have small ones; without this they take most of the iterations.
  std::vector<double> curvature(double penalty) const {
    std::vector<double> out(w_.size(), 0.25);
    for (std::size_t j = 0; j < x_.n_features(); ++j) {
      const double square = x_.deviation()[j] * x_.deviation()[j] + x_.mean()[j] * x_.mean()[j];
      std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(j * k_), k_, square / 4 + penalty);
    }
    return out;
  }

  /// Without slopes the best intercepts are the log odds of the shares: a better start than 0.
  void start_at_shares(const std::vector<double>& shares) {
    auto safe_log = [](double p) { return std::log(std::max(p, 1e-6)); };
    double mean = 0;
    for (std::size_t k = 0; k < k_; ++k) {
      w_[n_slopes() + k] = k_ == 1 ? safe_log(shares[0]) - safe_log(1 - shares[0]) : safe_log(shares[k]);
      mean += w_[n_slopes() + k] / static_cast<double>(k_);
    }
    // Softmax does not see a constant added to all classes; the sum 0 is scikit-learn's choice.
    for (std::size_t k = 0; k < k_ && k_ > 1; ++k) w_[n_slopes() + k] -= mean;
  }

  /// Replaces the scores of a row by the weighted gradient of its loss; returns the weighted loss.
  double row_loss(std::size_t i) {
    const double weight = x_.weight(i) / x_.total_weight();
    const std::span<double> row(scores_.data() + i * k_, k_);
    if (k_ == 1) {
      const double z = row[0];
      row[0] = weight * (sigmoid(z) - y_[i]);
      return weight * (std::max(z, 0.0) - y_[i] * z + std::log1p(std::exp(-std::fabs(z))));
    }
    const auto truth = static_cast<std::size_t>(y_[i]);
    const double score = row[truth];
    const double loss = weight * (softmax(row) - score);
    row[truth] -= 1;
    for (double& value : row) value *= weight;
    return loss;
  }

  double evaluate(std::span<const double> w, double penalty, std::span<double> gradient,
                  const Context& context) {
    constexpr std::size_t kBlock = 4096;
    x_.multiply(w, w.subspan(n_slopes()), scores_, context);
    std::vector<double> loss((x_.n_rows() + kBlock - 1) / kBlock, 0.0);
    context.parallel_blocks(x_.n_rows(), kBlock, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) loss[begin / kBlock] += row_loss(i);
    });
    x_.multiply_transposed(scores_, k_, gradient.first(n_slopes()), gradient.subspan(n_slopes()), context);
    kernel::axpy(penalty, w.data(), gradient.data(), n_slopes());
    double total = penalty / 2 * kernel::dot(w.data(), w.data(), n_slopes());
    for (double value : loss) total += value;
    return total;
  }

  LogisticRegressionParams params_;
  std::size_t k_;
  std::vector<double> y_;
  DesignMatrix x_;
  std::vector<double> w_;       // n_features x k, then k intercepts
  std::vector<double> scores_;  // n_rows x k
};

ParamTable<LogisticRegressionParams> table() {
  using P = LogisticRegressionParams;
  return ParamTable<P>()
      .param("C", &P::C, "Inverse of the L2 strength: smaller is stronger.", log_range(1e-3, 1e3))
      .limits(1e-12, 1e12)
      .param("search_strength", &P::search_strength,
             "Also try a tenth and ten times C, and keep the best on the validation rows (or on a fifth of "
             "the training rows).")
      .param("standardize", &P::standardize, "Scale numbers to variance 1 before fitting.")
      .param("class_weight", &P::class_weight, "none, or balanced: classes count equally.",
             choice({"none", "balanced"}))
      .param("max_iter", &P::max_iter, "Most iterations per strength.")
      .limits(1, 1e6)
      .param("tol", &P::tol, "Converged when no entry of the gradient of the mean loss is larger.")
      .limits(0, 1);
}

}  // namespace

LogisticRegression::LogisticRegression(Params params) : params_(std::move(params)) {
  is_balanced(params_.class_weight, "logistic_regression");
}

std::unique_ptr<LinearLearner::Solver> LogisticRegression::make_solver(const TrainingData& data,
                                                                       const LinearTable& linear_table,
                                                                       std::span<const std::uint32_t> rows,
                                                                       const Context& context) const {
  return std::make_unique<LogisticSolver>(params_, data, linear_table, rows, context);
}

void LogisticRegression::apply_link(std::span<double> raw) const {
  if (n_outputs() == 1) {
    for (double& value : raw) value = sigmoid(value);
  } else {
    for (std::size_t i = 0; i < raw.size(); i += n_outputs()) softmax(raw.subspan(i, n_outputs()));
  }
}

EstimatorInfo logistic_regression_info() {
  EstimatorInfo info;
  info.name = "logistic_regression";
  info.summary = "Linear model of the log odds with an L2 penalty; softmax for several classes.";
  info.tasks = {data::Task::kBinary, data::Task::kMulticlass};
  info.handles_categories = info.handles_sparse = true;
  info.params = table().specs();
  info.make = [](const ParamMap& params) -> std::unique_ptr<Estimator> {
    return std::make_unique<LogisticRegression>(table().read(params, "logistic_regression"));
  };
  return info;
}

}  // namespace kolosal::model
