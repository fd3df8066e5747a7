#include <algorithm>
#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/model/link_functions.hpp"
#include "kolosal/model/platt_scaling.hpp"
#include "kolosal/model/smooth_loss_solver.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

struct LinearSvmParams {
  double C = 1.0;  // scikit-learn's name
  double epsilon = 0.0;
  int calibration_folds = 3;
  bool search_strength = true;
  bool standardize = true;
  std::string class_weight = "none";
  int max_iter = 500;
  double tol = 1e-4;
};

SmoothLossSolver::Options options_of(const LinearSvmParams& params, const data::TargetView& y) {
  return {.n_outputs = y.n_outputs(),
          .balanced = is_balanced(params.class_weight, "linear_svm"),
          .standardize = params.standardize,
          .max_iter = params.max_iter,
          .tol = params.tol};
}

class SvmSolver : public SmoothLossSolver {
 public:
  SvmSolver(const LinearSvmParams& params, const TrainingData& data, const LinearTable& table,
            std::span<const std::uint32_t> rows, const Context& context)
      : SmoothLossSolver(data, table, rows, options_of(params, data.y), context), params_(params) {}

  std::vector<double> strength_factors() const override {
    constexpr std::size_t kCheapCells = 1'000'000;
    if (!params_.search_strength || x().n_stored() * n_outputs() > kCheapCells) return {1.0};
    return {0.01, 0.1, 1.0};
  }
  std::string describe(double factor) const override { return fmt::format("C = {:g}", params_.C * factor); }

 protected:
  double penalty(double factor) const override { return 1 / (params_.C * factor * x().total_weight()); }
  double curvature() const override { return 2; }

  LinearSvmParams params_;
};

/// Every class against the others; the margins then become probabilities.
class SvmClassSolver final : public SvmSolver {
 public:
  using SvmSolver::SvmSolver;

 protected:
  double row_loss(std::size_t row, std::span<const double>, std::span<double> scores,
                  std::span<double>) const override {
    double loss = 0;
    for (std::size_t o = 0; o < scores.size(); ++o) {
      const double side = is_positive(row, o) ? 1 : -1;
      const double lack = std::max(0.0, 1 - side * scores[o]);
      loss += lack * lack;
      scores[o] = -2 * side * lack;
    }
    return loss;
  }

  void finish(double factor, const Context& context, std::vector<double>& slopes,
              std::vector<double>& offsets) override {
    const std::size_t k = n_outputs(), n = x().n_rows();
    const std::vector<double> scores = calibration_scores(factor, context);
    std::vector<double> of_output(n), positive(n), weights(n);
    for (std::size_t i = 0; i < n; ++i) weights[i] = weight(i);
    for (std::size_t o = 0; o < k; ++o) {
      for (std::size_t i = 0; i < n; ++i) {
        of_output[i] = scores[i * k + o];
        positive[i] = is_positive(i, o) ? 1 : 0;
      }
      const PlattScaling scaling = fit_platt(of_output, positive, weights);
      for (std::size_t j = 0; j < x().n_features(); ++j) slopes[j * k + o] *= scaling.slope;
      offsets[o] = offsets[o] * scaling.slope + scaling.offset;
    }
  }

 private:
  bool is_positive(std::size_t row, std::size_t output) const {
    return n_outputs() == 1 ? y(row) > 0.5 : static_cast<std::size_t>(y(row)) == output;
  }

  /// Scores of every row by a solution that did not see it: margins of training rows are too large. The
  /// solution of all rows where there are few rows, or no time.
  std::vector<double> calibration_scores(double factor, const Context& context) {
    const std::size_t k = n_outputs(), n = x().n_rows();
    std::vector<double> out(n * k);
    scores_of(parameters(), out, context);
    const auto n_folds = static_cast<std::size_t>(params_.calibration_folds);
    if (n_folds < 2 || n < 10 * n_folds) return out;
    std::vector<std::uint32_t> order(n);
    for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::uint32_t>(i);
    Rng rng(derive_seed(context.seed, {"calibration"}));
    rng.shuffle(order);
    const std::vector<double> solution = parameters();
    std::vector<double> held_out(n * k);
    for (std::size_t fold = 0; fold < n_folds && !context.should_stop(); ++fold) {
      std::vector<std::uint8_t> mask(n, 0);
      double kept = 0;
      for (std::size_t i = 0; i < n; ++i) mask[order[i]] = i % n_folds == fold ? 1 : 0;
      for (std::size_t i = 0; i < n; ++i) kept += mask[i] ? 0 : x().weight(i);
      if (!(kept > 0)) continue;
      set_mask(mask);
      minimize(factor, context);
      scores_of(parameters(), held_out, context);
      for (std::size_t i = 0; i < n; ++i)
        if (mask[i]) std::copy_n(held_out.data() + i * k, k, out.data() + i * k);
      parameters() = solution;
    }
    set_mask({});
    return out;
  }
};

/// Squared distance beyond epsilon. The target is in units of its deviation while fitting.
class SvmNumberSolver final : public SvmSolver {
 public:
  SvmNumberSolver(const LinearSvmParams& params, const TrainingData& data, const LinearTable& table,
                  std::span<const std::uint32_t> rows, const Context& context)
      : SvmSolver(params, data, table, rows, context), unit_(TargetUnit::of(data.y, rows)) {}

 protected:
  double row_loss(std::size_t row, std::span<const double>, std::span<double> scores,
                  std::span<double>) const override {
    const double residual = scores[0] - unit_.scaled(y(row));
    const double excess = std::max(0.0, std::fabs(residual) - params_.epsilon / unit_.deviation);
    scores[0] = std::copysign(2 * excess, residual);
    return excess * excess;
  }

  void finish(double, const Context&, std::vector<double>& slopes, std::vector<double>& offsets) override {
    unit_.restore(slopes, offsets);
  }

 private:
  TargetUnit unit_;
};

/// Linear support vector machine with a squared loss: the L2 penalty of scikit-learn's LinearSVC
/// (loss="squared_hinge") and LinearSVR (loss="squared_epsilon_insensitive"),
///   |w|^2 / 2 + C * sum over rows of weight * loss; the intercept is not penalized.
///
/// Probabilities: Platt scaling of margins of rows that the fit did not see (calibration_folds fits more),
/// for
///                each class against the others; several classes are scaled to sum 1.
/// Missing: a missing category is a level of its own; a missing number is refused with kData.
/// Source:  Fan et al. (2008), LIBLINEAR, for the objective; solved in the primal by L-BFGS.
class LinearSvm final : public LinearLearner {
 public:
  using Params = LinearSvmParams;
  explicit LinearSvm(Params params) : params_(std::move(params)) {
    is_balanced(params_.class_weight, "linear_svm");
  }

 protected:
  std::unique_ptr<Solver> make_solver(const TrainingData& data, const LinearTable& table,
                                      std::span<const std::uint32_t> rows,
                                      const Context& context) const override {
    if (data.y.task == data::Task::kRegression)
      return std::make_unique<SvmNumberSolver>(params_, data, table, rows, context);
    return std::make_unique<SvmClassSolver>(params_, data, table, rows, context);
  }

  void apply_link(std::span<double> raw) const override {
    if (task() == data::Task::kRegression) return;
    for (double& value : raw) value = sigmoid(value);
    const std::size_t k = n_outputs();
    for (std::size_t i = 0; i < raw.size() && k > 1; i += k) {
      double sum = 0;
      for (std::size_t o = 0; o < k; ++o) sum += raw[i + o];
      for (std::size_t o = 0; o < k; ++o)
        raw[i + o] = sum > 0 ? raw[i + o] / sum : 1 / static_cast<double>(k);
    }
  }

 private:
  Params params_;
};

ParamTable<LinearSvmParams> table() {
  using P = LinearSvmParams;
  return ParamTable<P>()
      .param("C", &P::C, "Inverse of the L2 strength: smaller is stronger.", log_range(1e-4, 1e2))
      .limits(1e-12, 1e12)
      .param("epsilon", &P::epsilon, "Numbers: distance from the target that costs nothing.")
      .limits(0, 1e300)
      .param(
          "calibration_folds", &P::calibration_folds,
          "Classes: parts of the rows that are left out in turn to scale margins to probabilities; 0: scale "
          "by the training rows as they are.")
      .limits(0, 20)
      .param("search_strength", &P::search_strength,
             "Also try a tenth and a hundredth of C, and keep the best on the validation rows (or on a fifth "
             "of the training rows).")
      .param("standardize", &P::standardize, "Scale numbers to variance 1 before fitting.")
      .param("class_weight", &P::class_weight, "none, or balanced: classes count equally.",
             choice({"none", "balanced"}))
      .param("max_iter", &P::max_iter, "Most iterations per strength.")
      .limits(1, 1e6)
      .param("tol", &P::tol, "Converged when no entry of the gradient of the mean loss is larger.")
      .limits(0, 1);
}

}  // namespace

EstimatorInfo linear_svm_info() {
  EstimatorInfo info;
  info.name = "linear_svm";
  info.summary = "Linear support vector machine with a squared loss and an L2 penalty.";
  info.tasks = {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression};
  info.handles_categories = info.handles_sparse = true;
  return describe<LinearSvm>(std::move(info), table());
}

}  // namespace kolosal::model
