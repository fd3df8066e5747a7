#pragma once

#include <span>
#include <vector>

#include "kolosal/model/lbfgs.hpp"
#include "kolosal/model/linear_learner.hpp"

namespace kolosal::model {

/// A number target by its weighted mean and deviation: losses of it then do not depend on its unit.
struct TargetUnit {
  double mean = 0;
  double deviation = 1;  ///< Never 0.

  static TargetUnit of(const data::TargetView& y, std::span<const std::uint32_t> rows);
  double scaled(double target) const { return (target - mean) / deviation; }
  /// Slopes and intercepts of the scaled target into those of the target.
  void restore(std::vector<double>& slopes, std::vector<double>& intercepts) const;
};

/// Minimizes, by L-BFGS,
///
///   sum over rows of weight * loss(scores of the row) / total weight + penalty / 2 * |w|^2
///
/// over the slopes w and the intercepts, which are not penalized. A learner gives the loss of a row, its
/// derivatives, and the penalty.
///
/// Extra:   a loss may have parameters of its own (a scale), which are minimized along with the slopes.
/// Threads: rows in blocks of fixed size, sums in fixed order.
class SmoothLossSolver : public LinearLearner::Solver {
 public:
  struct Options {
    std::size_t n_outputs = 1;
    std::size_t n_extra = 0;
    bool balanced = false;  ///< Classes count equally.
    bool standardize = true;
    int max_iter = 100;
    double tol = 1e-4;  ///< Converged when no entry of the gradient is larger.
  };

  Step solve(double factor, const Context& context) override;
  std::vector<double> spread() const override { return x_.table_deviation(); }

 protected:
  SmoothLossSolver(const TrainingData& data, const LinearTable& table, std::span<const std::uint32_t> rows,
                   const Options& options, const Context& context);

  /// The loss of a row by its scores (n_outputs), which become the derivatives of the loss; adds the
  /// derivatives by `extra` to extra_gradient. Infinite where a parameter is out of its domain.
  virtual double row_loss(std::size_t row, std::span<const double> extra, std::span<double> scores,
                          std::span<double> extra_gradient) const = 0;
  virtual double penalty(double factor) const = 0;
  /// About the largest second derivative of the loss by a score: it only makes for fewer iterations.
  virtual double curvature() const = 0;
  /// Called after the slopes were found, before they become the model, which it may change.
  virtual void finish(double factor, const Context& context, std::vector<double>& slopes,
                      std::vector<double>& intercepts);

  /// Minimizes from parameters() on, which become the solution.
  LbfgsResult minimize(double factor, const Context& context);
  /// out: n_rows x n_outputs.
  void scores_of(std::span<const double> parameters, std::span<double> out, const Context& context) const;

  const DesignMatrix& x() const { return x_; }
  double y(std::size_t row) const { return y_[row]; }
  double weight(std::size_t row) const { return row < mask_.size() && mask_[row] ? 0 : x_.weight(row); }
  /// Rows that do not count for now (1 each); empty: all count.
  void set_mask(std::vector<std::uint8_t> mask);
  std::size_t n_outputs() const { return options_.n_outputs; }
  std::size_t n_slopes() const { return x_.n_features() * options_.n_outputs; }
  /// n_slopes() slopes, feature by feature; then the intercepts; then the extra ones.
  std::vector<double>& parameters() { return w_; }
  std::span<double> intercepts() { return {w_.data() + n_slopes(), options_.n_outputs}; }

 private:
  double evaluate(std::span<const double> w, double penalty, std::span<double> gradient,
                  const Context& context);

  Options options_;
  std::vector<double> y_;
  DesignMatrix x_;
  std::vector<std::uint8_t> mask_;
  double masked_weight_ = 0;
  std::vector<double> w_;
  std::vector<double> scores_;  // n_rows x n_outputs
};

}  // namespace kolosal::model
