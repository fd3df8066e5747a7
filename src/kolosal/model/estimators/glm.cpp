#include <algorithm>
#include <cmath>

#include "kolosal/model/smooth_loss_solver.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

struct GlmParams {
  std::string family = "poisson";
  double power = 1.5;
  double alpha = 1.0;
  bool search_strength = true;
  bool standardize = true;
  int max_iter = 500;
  double tol = 1e-5;
};

/// Power of the mean that the variance grows with: 1 Poisson, 2 gamma, between them counts of gamma amounts.
double power_of(const GlmParams& params) {
  if (params.family == "poisson") return 1;
  if (params.family == "gamma") return 2;
  if (params.family == "tweedie") return params.power;
  throw Error(ErrorCode::kInvalidParameter, "glm: family must be poisson, gamma or tweedie: {}",
              params.family);
}

/// Half the deviance of a target by the logarithm z of its mean, up to what does not depend on z; and its
/// derivative.
struct UnitLoss {
  double value, derivative;
};
UnitLoss unit_loss(double power, double y, double z) {
  // mean^(1 - power) * y and mean^(2 - power)
  const double of_target = y * std::exp((1 - power) * z), of_mean = std::exp((2 - power) * z);
  const double first = power == 1 ? -y * z : of_target / (power - 1);
  const double second = power == 2 ? z : of_mean / (2 - power);
  return {first + second, of_mean - of_target};
}

void check_targets(double power, const data::TargetView& y, std::span<const std::uint32_t> rows) {
  for (const std::uint32_t row : rows) {
    const double value = y.values[row];
    if (power < 2 ? value >= 0 : value > 0) continue;
    throw Error(
        ErrorCode::kData,
        "glm: the target must {} for this family, but row {} has {:g}; choose another family or learner",
        power < 2 ? "not be negative" : "be above 0", row + 1, value);
  }
}

SmoothLossSolver::Options options_of(const GlmParams& params, double curvature) {
  return {.standardize = params.standardize, .max_iter = params.max_iter, .tol = params.tol * curvature};
}

class GlmSolver final : public SmoothLossSolver {
 public:
  GlmSolver(const GlmParams& params, double curvature, const TrainingData& data, const LinearTable& table,
            std::span<const std::uint32_t> rows, const Context& context)
      : SmoothLossSolver(data, table, rows, options_of(params, curvature), context),
        params_(params),
        power_(power_of(params)),
        curvature_(curvature) {
    intercepts()[0] = std::log(std::max(mean_target(data.y, rows)[0], 1e-12));
  }

  std::vector<double> strength_factors() const override {
    constexpr std::size_t kCheapCells = 3'000'000;
    if (!params_.search_strength || x().n_stored() > kCheapCells) return {1.0};
    return {1, 0.1, 0.01, 0.001};
  }
  std::string describe(double factor) const override {
    return fmt::format("alpha = {:g}", params_.alpha * factor);
  }

 protected:
  double penalty(double factor) const override { return params_.alpha * factor; }
  double curvature() const override { return curvature_; }
  double row_loss(std::size_t row, std::span<const double>, std::span<double> scores,
                  std::span<double>) const override {
    const UnitLoss loss = unit_loss(power_, y(row), scores[0]);
    scores[0] = loss.derivative;
    return loss.value;
  }

 private:
  GlmParams params_;
  double power_, curvature_;
};

/// Generalized linear model with a logarithmic link: mean = exp(x w + b). Minimizes
///   sum of weight * half deviance / total weight + alpha / 2 * |w|^2; the intercept is not penalized.
///
/// Missing: a missing category is a level of its own; a missing number is refused with kData.
/// Target:  at least 0; above 0 for gamma. Otherwise kData with the row.
/// Source:  the objective of scikit-learn's PoissonRegressor, GammaRegressor and
/// TweedieRegressor(link="log");
///          Dunn and Smyth, Generalized Linear Models (2018).
class Glm final : public LinearLearner {
 public:
  using Params = GlmParams;
  explicit Glm(Params params) : params_(std::move(params)) { power_of(params_); }

 protected:
  std::unique_ptr<Solver> make_solver(const TrainingData& data, const LinearTable& table,
                                      std::span<const std::uint32_t> rows,
                                      const Context& context) const override {
    const double power = power_of(params_);
    check_targets(power, data.y, rows);
    // The second derivative at the mean: the unit of the gradient.
    const double curvature = std::pow(std::max(mean_target(data.y, rows)[0], 1e-12), 2 - power);
    return std::make_unique<GlmSolver>(params_, curvature, data, table, rows, context);
  }

  void apply_link(std::span<double> raw) const override {
    for (double& value : raw) value = std::exp(std::min(value, 700.0));
  }

  double choice_loss(const data::TargetView& y, std::span<const std::uint32_t> rows,
                     std::span<const double> prediction) const override {
    const double power = power_of(params_);
    double loss = 0, total = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      loss += y.weight(rows[i]) * unit_loss(power, y.values[rows[i]], std::log(prediction[i])).value;
      total += y.weight(rows[i]);
    }
    return total > 0 ? loss / total : 0.0;
  }

 private:
  Params params_;
};

ParamTable<GlmParams> table() {
  using P = GlmParams;
  return ParamTable<P>()
      // No search range: what fits is a matter of the target, and gamma takes no zeros.
      .param("family", &P::family, "Distribution of the target: poisson, gamma or tweedie.")
      .param("power", &P::power, "tweedie: the variance grows with this power of the mean.",
             linear_range(1.1, 1.9))
      .limits(1, 2)
      .param("alpha", &P::alpha, "L2 strength: larger is stronger.", log_range(1e-4, 1e2))
      .limits(0, 1e12)
      .param(
          "search_strength", &P::search_strength,
          "Also try a tenth, a hundredth and a thousandth of alpha, and keep the best on the validation rows "
          "(or on a fifth of the training rows).")
      .param("standardize", &P::standardize, "Scale numbers to variance 1 before fitting.")
      .param("max_iter", &P::max_iter, "Most iterations per strength.")
      .limits(1, 1e6)
      .param(
          "tol", &P::tol,
          "Converged when no entry of the gradient of the mean loss is larger, in units of the mean target.")
      .limits(0, 1);
}

}  // namespace

EstimatorInfo glm_info() {
  EstimatorInfo info;
  info.name = "glm";
  info.summary = "Poisson, gamma or Tweedie regression with a logarithmic link and an L2 penalty.";
  info.tasks = {data::Task::kRegression};
  info.handles_categories = info.handles_sparse = true;
  return describe<Glm>(std::move(info), table());
}

}  // namespace kolosal::model
