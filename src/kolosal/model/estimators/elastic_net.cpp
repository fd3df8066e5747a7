#include "kolosal/model/estimators/elastic_net.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/kernel/vector_ops.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

constexpr std::size_t kMaxGramFeatures = 1200;

/// The products of each feature with the residuals, kept up to date while coefficients change.
class Correlations {
 public:
  virtual ~Correlations() = default;
  /// Sum over rows of weight * (centred feature j) * residual.
  virtual double with_residual(std::size_t j) const = 0;
  /// The coefficient of feature j grew by delta.
  virtual void change(std::size_t j, double delta) = 0;
};

/// For few features: from their products with each other. No row is read again.
class GramCorrelations final : public Correlations {
 public:
  GramCorrelations(const DesignMatrix& x, std::vector<double> with_target, const Context& context)
      : gram_(x.centred_gram(context)), with_residual_(std::move(with_target)) {
    const std::size_t p = with_residual_.size();
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = i + 1; j < p; ++j) gram_[i * p + j] = gram_[j * p + i];
  }
  double with_residual(std::size_t j) const override { return with_residual_[j]; }
  void change(std::size_t j, double delta) override {
    const std::size_t p = with_residual_.size();
    kernel::axpy(-delta, gram_.data() + j * p, with_residual_.data(), p);
  }

 private:
  std::vector<double> gram_, with_residual_;
};

/// For many features: the table column by column, and the residual of each row. Sparse columns are centred
/// without filling them: the true residual is residual_[i] + shift_, and it sums to 0 by weight.
class ColumnCorrelations final : public Correlations {
 public:
  ColumnCorrelations(const DesignMatrix& x, std::vector<double> residual)
      : x_(x), residual_(std::move(residual)) {
    starts_.assign(x.n_features() + 1, 0);
    auto each_cell = [&](auto&& visit) {
      for (std::size_t i = 0; i < x.n_rows(); ++i) {
        for (std::size_t j = 0; j < x.n_dense(); ++j) visit(i, j, x.dense_row(i)[j]);
        for (std::size_t at = 0; at < x.sparse_indices(i).size(); ++at)
          visit(i, static_cast<std::size_t>(x.sparse_indices(i)[at]), x.sparse_values(i)[at]);
      }
    };
    each_cell([&](std::size_t, std::size_t j, double) { ++starts_[j + 1]; });
    for (std::size_t j = 0; j < x.n_features(); ++j) starts_[j + 1] += starts_[j];
    rows_.resize(starts_.back());
    values_.resize(starts_.back());
    std::vector<std::size_t> next(starts_.begin(), starts_.end() - 1);
    each_cell([&](std::size_t i, std::size_t j, double value) {
      rows_[next[j]] = static_cast<std::uint32_t>(i);
      values_[next[j]++] = value;
    });
  }
  double with_residual(std::size_t j) const override {
    double sum = 0, total = 0;
    for (std::size_t at = starts_[j]; at < starts_[j + 1]; ++at) {
      const double weighted = x_.weight(rows_[at]) * values_[at];
      sum += weighted * residual_[rows_[at]];
      total += weighted;
    }
    return sum + shift_ * total;
  }
  void change(std::size_t j, double delta) override {
    for (std::size_t at = starts_[j]; at < starts_[j + 1]; ++at) residual_[rows_[at]] -= delta * values_[at];
    shift_ += delta * x_.mean()[j];
  }

 private:
  const DesignMatrix& x_;
  std::vector<double> residual_;
  double shift_ = 0;
  std::vector<std::size_t> starts_;
  std::vector<std::uint32_t> rows_;
  std::vector<double> values_;
};

class ElasticNetSolver final : public LinearLearner::Solver {
 public:
  ElasticNetSolver(const ElasticNetParams& params, const TrainingData& data, const LinearTable& table,
                   std::span<const std::uint32_t> rows, const Context& context)
      : params_(params),
        x_(table, rows, weights_of(data.y, rows, false), params.standardize, context),
        w_(x_.n_features(), 0.0) {
    y_mean_ = mean_target(data.y, rows)[0];
    std::vector<double> residual = target_of(data.y, rows), weighted(rows.size());
    double square = 0;
    for (std::size_t i = 0; i < residual.size(); ++i) {
      residual[i] -= y_mean_;
      weighted[i] = x_.weight(i) * residual[i];
      square += weighted[i] * residual[i];
    }
    y_deviation_ = std::sqrt(square / x_.total_weight());
    std::vector<double> with_target(x_.n_features());
    double total = 0;
    x_.multiply_transposed(weighted, 1, with_target, {&total, 1}, context);
    kernel::axpy(-total, x_.mean().data(), with_target.data(), with_target.size());
    for (double value : with_target) largest_ = std::max(largest_, std::fabs(value) / x_.total_weight());
    if (x_.n_features() <= kMaxGramFeatures)
      correlations_ = std::make_unique<GramCorrelations>(x_, std::move(with_target), context);
    else
      correlations_ = std::make_unique<ColumnCorrelations>(x_, std::move(residual));
  }

  Step solve(double factor, const Context& context) override {
    const double alpha = alpha_of(factor);
    Step step;
    step.converged = false;
    while (step.n_iterations < static_cast<std::size_t>(params_.max_iter) && !step.converged) {
      if (context.should_stop()) {
        step.stopped = true;
        break;
      }
      step.converged = sweep(alpha) <= params_.tol * y_deviation_;
      ++step.n_iterations;
    }
    const double intercept = y_mean_ - kernel::dot(w_.data(), x_.mean().data(), w_.size());
    step.model = x_.unscale(w_, {&intercept, 1});
    return step;
  }

  std::vector<double> spread() const override { return x_.table_deviation(); }

  std::vector<double> strength_factors() const override {
    constexpr std::size_t kCheapCells = 3'000'000;
    if (!params_.search_strength || (w_.size() > kMaxGramFeatures && x_.n_stored() > kCheapCells))
      return {1.0};
    return {30, 10, 3, 1, 0.3, 0.1, 0.01};
  }

  std::string describe(double factor) const override {
    return fmt::format("alpha = {:.4g}", alpha_of(factor));
  }

 private:
  /// The factor 1 of a search is 1 % of the smallest strength at which every coefficient is 0.
  double alpha_of(double factor) const {
    return factor *
           (params_.search_strength ? 0.01 * largest_ / std::max(params_.l1_ratio, 0.01) : params_.alpha);
  }

  /// One round over all coefficients. Returns the largest change of the predictions that one of them made.
  double sweep(double alpha) {
    const double l1 = alpha * params_.l1_ratio, l2 = alpha - l1;
    double largest_change = 0;
    for (std::size_t j = 0; j < w_.size(); ++j) {
      const double square = x_.deviation()[j] * x_.deviation()[j];
      if (square == 0) continue;
      const double pull = correlations_->with_residual(j) / x_.total_weight() + square * w_[j];
      const double next = std::copysign(std::max(std::fabs(pull) - l1, 0.0), pull) / (square + l2);
      const double delta = next - w_[j];
      if (delta == 0) continue;
      correlations_->change(j, delta);
      w_[j] = next;
      largest_change = std::max(largest_change, std::fabs(delta) * x_.deviation()[j]);
    }
    return largest_change;
  }

  ElasticNetParams params_;
  DesignMatrix x_;
  std::vector<double> w_;  // the solution so far
  double y_mean_ = 0, y_deviation_ = 0;
  double largest_ = 0;  // the largest |correlation with the target|
  std::unique_ptr<Correlations> correlations_;
};

}  // namespace

std::unique_ptr<LinearLearner::Solver> ElasticNet::make_solver(const TrainingData& data,
                                                               const LinearTable& linear_table,
                                                               std::span<const std::uint32_t> rows,
                                                               const Context& context) const {
  return std::make_unique<ElasticNetSolver>(params_, data, linear_table, rows, context);
}

ParamTable<ElasticNetParams> ElasticNet::param_table() {
  using P = ElasticNetParams;
  return ParamTable<P>()
      .param("alpha", &P::alpha, "Strength of the penalty; used only without search_strength.")
      .limits(0, 1e12)
      .param("search_strength", &P::search_strength,
             "Try seven strengths and keep the best on the validation rows (or on a fifth of the training "
             "rows).")
      .param("standardize", &P::standardize, "Scale numbers to variance 1 before fitting.")
      .param("max_iter", &P::max_iter, "Most rounds over the coefficients per strength.")
      .limits(1, 1e6)
      .param("tol", &P::tol,
             "Converged when no coefficient moves the predictions by more than this share of the target's "
             "deviation.")
      .limits(0, 1);
}

EstimatorInfo elastic_net_info() {
  EstimatorInfo info;
  info.name = "elastic_net";
  info.summary = "Least squares with an L1 and an L2 penalty, which leaves useless features out.";
  info.tasks = {data::Task::kRegression};
  info.handles_categories = info.handles_sparse = true;
  return describe<ElasticNet>(
      std::move(info), ElasticNet::param_table()
                           .param("l1_ratio", &ElasticNetParams::l1_ratio,
                                  "Share of the L1 penalty: 1 is the lasso, 0 ridge.", linear_range(0.05, 1))
                           .limits(0, 1));
}

}  // namespace kolosal::model
