#include "kolosal/model/estimators/logistic_regression.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/model/link_functions.hpp"
#include "kolosal/model/smooth_loss_solver.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

SmoothLossSolver::Options options_of(const LogisticRegressionParams& params, const data::TargetView& y) {
  return {.n_outputs = y.n_outputs(),
          .balanced = is_balanced(params.class_weight, "logistic_regression"),
          .standardize = params.standardize,
          .max_iter = params.max_iter,
          .tol = params.tol};
}

class LogisticSolver final : public SmoothLossSolver {
 public:
  LogisticSolver(const LogisticRegressionParams& params, const TrainingData& data, const LinearTable& table,
                 std::span<const std::uint32_t> rows, const Context& context)
      : SmoothLossSolver(data, table, rows, options_of(params, data.y), context), params_(params) {
    start_at_shares(mean_target(data.y, rows));
  }

  std::vector<double> strength_factors() const override {
    constexpr std::size_t kCheapCells = 3'000'000;  // about a second for the path
    if (!params_.search_strength || x().n_stored() * n_outputs() > kCheapCells) return {1.0};
    return {0.1, 1.0, 10.0};
  }

  std::string describe(double factor) const override { return fmt::format("C = {:g}", params_.C * factor); }

 protected:
  double penalty(double factor) const override { return 1 / (params_.C * factor * x().total_weight()); }
  double curvature() const override { return 0.25; }

  double row_loss(std::size_t row, std::span<const double>, std::span<double> scores,
                  std::span<double>) const override {
    if (scores.size() == 1) {
      const double z = scores[0];
      scores[0] = sigmoid(z) - y(row);
      return std::max(z, 0.0) - y(row) * z + std::log1p(std::exp(-std::fabs(z)));
    }
    const auto truth = static_cast<std::size_t>(y(row));
    const double score = scores[truth];
    const double loss = softmax(scores) - score;
    scores[truth] -= 1;
    return loss;
  }

 private:
  /// Without slopes the best intercepts are the log odds of the shares: a better start than 0.
  void start_at_shares(const std::vector<double>& shares) {
    auto safe_log = [](double p) { return std::log(std::max(p, 1e-6)); };
    const std::size_t k = n_outputs();
    double mean = 0;
    for (std::size_t o = 0; o < k; ++o) {
      intercepts()[o] = k == 1 ? safe_log(shares[0]) - safe_log(1 - shares[0]) : safe_log(shares[o]);
      mean += intercepts()[o] / static_cast<double>(k);
    }
    // Softmax does not see a constant added to all classes; the sum 0 is scikit-learn's choice.
    for (std::size_t o = 0; o < k && k > 1; ++o) intercepts()[o] -= mean;
  }

  LogisticRegressionParams params_;
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
  scores_to_probabilities(raw, n_outputs());
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
