#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/model/smooth_loss_solver.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

struct HuberParams {
  double epsilon = 1.35;
  double alpha = 1e-4;
  bool standardize = true;
  int max_iter = 500;
  double tol = 1e-5;
};

class HuberSolver final : public SmoothLossSolver {
 public:
  HuberSolver(const HuberParams& params, const TrainingData& data, const LinearTable& table,
              std::span<const std::uint32_t> rows, const Context& context)
      : SmoothLossSolver(
            data, table, rows,
            {.n_extra = 1, .standardize = params.standardize, .max_iter = params.max_iter, .tol = params.tol},
            context),
        params_(params),
        unit_(TargetUnit::of(data.y, rows)) {
    parameters().back() = 1;  // the scale, in deviations of the target
  }

  std::vector<double> strength_factors() const override { return {1.0}; }
  std::string describe(double) const override { return fmt::format("alpha = {:g}", params_.alpha); }

 protected:
  double penalty(double) const override { return 2 * params_.alpha * unit_.deviation / x().total_weight(); }
  double curvature() const override { return 2; }

  double row_loss(std::size_t row, std::span<const double> extra, std::span<double> scores,
                  std::span<double> extra_gradient) const override {
    const double scale = extra[0];
    if (!(scale > 1e-12)) return std::numeric_limits<double>::infinity();
    const double z = (scores[0] - unit_.scaled(y(row))) / scale;
    const bool is_outlier = std::fabs(z) > params_.epsilon;
    const double loss =
        is_outlier ? 2 * params_.epsilon * std::fabs(z) - params_.epsilon * params_.epsilon : z * z;
    scores[0] = is_outlier ? std::copysign(2 * params_.epsilon, z) : 2 * z;
    extra_gradient[0] = 1 + loss - z * scores[0];
    return scale * (1 + loss);
  }

  void finish(double, const Context&, std::vector<double>& slopes, std::vector<double>& offsets) override {
    unit_.restore(slopes, offsets);
  }

 private:
  HuberParams params_;
  TargetUnit unit_;
};

/// Least squares for rows within epsilon scales of the prediction, absolute error beyond; the scale is found
/// along with the slopes. Minimizes, with z = (y - x w - b) / scale,
///   sum of weight * scale * (1 + H(z)) + alpha * |w|^2, H(z) = z^2, or 2 epsilon |z| - epsilon^2 beyond
///   epsilon.
///
/// Missing: a missing category is a level of its own; a missing number is refused with kData.
/// Source:  the objective of scikit-learn's HuberRegressor; Huber and Ronchetti, Robust Statistics (2009),
///          concomitant scale estimates.
class Huber final : public LinearLearner {
 public:
  using Params = HuberParams;
  explicit Huber(Params params) : params_(params) {}

 protected:
  std::unique_ptr<Solver> make_solver(const TrainingData& data, const LinearTable& table,
                                      std::span<const std::uint32_t> rows,
                                      const Context& context) const override {
    return std::make_unique<HuberSolver>(params_, data, table, rows, context);
  }

 private:
  Params params_;
};

ParamTable<HuberParams> table() {
  using P = HuberParams;
  return ParamTable<P>()
      .param("epsilon", &P::epsilon, "Rows farther from the prediction than this many scales are outliers.",
             linear_range(1.05, 3))
      .limits(1, 1e6)
      .param("alpha", &P::alpha, "L2 strength: larger is stronger.", log_range(1e-6, 1e2))
      .limits(0, 1e12)
      .param("standardize", &P::standardize, "Scale numbers to variance 1 before fitting.")
      .param("max_iter", &P::max_iter, "Most iterations.")
      .limits(1, 1e6)
      .param(
          "tol", &P::tol,
          "Converged when no entry of the gradient of the mean loss is larger, in deviations of the target.")
      .limits(0, 1);
}

}  // namespace

EstimatorInfo huber_info() {
  EstimatorInfo info;
  info.name = "huber";
  info.summary = "Linear regression that outliers move little.";
  info.tasks = {data::Task::kRegression};
  info.handles_categories = info.handles_sparse = true;
  return describe<Huber>(std::move(info), table());
}

}  // namespace kolosal::model
