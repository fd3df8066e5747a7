#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/kernel/vector_ops.hpp"
#include "kolosal/model/design_matrix.hpp"
#include "kolosal/pipeline/feature_selector.hpp"

namespace kolosal::pipeline {
namespace {

using data::TargetView;
using data::Task;

struct L1Params {
  double alpha = 0;
  double relative_alpha = 0.05;
  std::int64_t max_iter = 500;
  double tol = 1e-5;
};

constexpr std::size_t kMostFeatures = 3000;  // 72 MB of products

double shrunk(double value, double by) { return value > by ? value - by : value < -by ? value + by : 0; }

// Minimizes mean loss + alpha * |w|_1 over the features of a design matrix; the intercepts are free.
//
// Squared error is a quadratic in w and solved by cyclic coordinate descent (Friedman et al. 2010). The log
// loss is below the quadratic that has a constant multiple of X^T X as its second derivative (Boehning and
// Lindsay 1988: 1/4 for two classes, 1/2 for more), touches it where it is made, and is minimized by
// minimizing these one after another.
class L1Fit {
 public:
  L1Fit(const model::DesignMatrix& x, const TargetView& y, const L1Params& params, const Context& context)
      : x_(x),
        y_(y),
        params_(params),
        context_(context),
        n_outputs_(y.n_outputs()),
        curvature_(y.task == Task::kRegression ? 1
                   : y.task == Task::kBinary   ? 0.25
                                               : 0.5),
        gram_(x.centred_gram(context)),
        w_(x.n_features() * n_outputs_),
        intercept_(n_outputs_) {
    const std::size_t p = x.n_features();
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = 0; j <= i; ++j) gram_[j * p + i] = gram_[i * p + j] /= x.total_weight();
    start_intercepts();
  }

  // The smallest alpha that leaves all features out.
  double largest_alpha() {
    find_gradient();
    double out = 0;
    for (const double g : gradient_) out = std::max(out, std::abs(g));
    return out;
  }

  void solve(double alpha) {
    const std::int64_t most = y_.task == Task::kRegression ? 1 : params_.max_iter;
    for (std::int64_t i = 0; i < most && !context_.should_stop(); ++i) {
      find_gradient();
      double change = 0;
      for (std::size_t k = 0; k < n_outputs_; ++k) change = std::max(change, minimize(k, alpha));
      if (change < params_.tol) break;
    }
  }

  // By feature, the largest coefficient of all outputs.
  std::vector<double> sizes() const {
    std::vector<double> out(x_.n_features());
    for (std::size_t j = 0; j < out.size(); ++j)
      for (std::size_t k = 0; k < n_outputs_; ++k)
        out[j] = std::max(out[j], std::abs(w_[j * n_outputs_ + k]));
    return out;
  }

 private:
  double target(std::size_t row, std::size_t k) const {
    return y_.task == Task::kMulticlass ? static_cast<double>(y_.values[row] == static_cast<double>(k))
                                        : y_.values[row];
  }

  // The intercepts that are best without features.
  void start_intercepts() {
    for (std::size_t k = 0; k < n_outputs_; ++k) {
      double sum = 0;
      for (std::size_t row = 0; row < x_.n_rows(); ++row) sum += x_.weight(row) * target(row, k);
      const double mean = sum / x_.total_weight(), safe = std::clamp(mean, 1e-12, 1 - 1e-12);
      intercept_[k] = y_.task == Task::kRegression ? mean
                      : y_.task == Task::kBinary   ? std::log(safe / (1 - safe))
                                                   : std::log(safe);
    }
  }

  // Raw outputs of a row become what is predicted.
  void link(double* raw) const {
    if (y_.task == Task::kBinary) {
      raw[0] = 1 / (1 + std::exp(-raw[0]));
    } else if (y_.task == Task::kMulticlass) {
      const double most = *std::max_element(raw, raw + n_outputs_);
      double sum = 0;
      for (std::size_t k = 0; k < n_outputs_; ++k) sum += raw[k] = std::exp(raw[k] - most);
      for (std::size_t k = 0; k < n_outputs_; ++k) raw[k] /= sum;
    }
  }

  // Of the mean loss, where the intercepts are those that the quadratic has for each w.
  void find_gradient() {
    std::vector<double> rest(x_.n_rows() * n_outputs_);
    x_.multiply(w_, intercept_, rest, context_);
    for (std::size_t row = 0; row < x_.n_rows(); ++row) {
      double* raw = rest.data() + row * n_outputs_;
      link(raw);
      for (std::size_t k = 0; k < n_outputs_; ++k)
        raw[k] = (raw[k] - target(row, k)) * x_.weight(row) / x_.total_weight();
    }
    gradient_.assign(w_.size(), 0);
    total_.assign(n_outputs_, 0);
    x_.multiply_transposed(rest, n_outputs_, gradient_, total_, context_);
    for (std::size_t j = 0; j < x_.n_features(); ++j)
      for (std::size_t k = 0; k < n_outputs_; ++k) gradient_[j * n_outputs_ + k] -= x_.mean()[j] * total_[k];
  }

  // Moves the coefficients of one output to the minimum of the quadratic. Gives the largest move of one.
  double minimize(std::size_t k, double alpha) {
    const std::size_t p = x_.n_features();
    std::vector<double> slope(p), moved(p);
    for (std::size_t j = 0; j < p; ++j) slope[j] = gradient_[j * n_outputs_ + k];
    for (std::int64_t round = 0; round < params_.max_iter; ++round) {
      double largest = 0;
      for (std::size_t j = 0; j < p; ++j) {
        const double second = curvature_ * gram_[j * p + j];
        if (!(second > 0)) continue;
        double& w = w_[j * n_outputs_ + k];
        const double delta = shrunk(second * w - slope[j], alpha) / second - w;
        if (delta == 0) continue;
        w += delta;
        moved[j] += delta;
        kernel::axpy(curvature_ * delta, gram_.data() + j * p, slope.data(), p);
        largest = std::max(largest, std::abs(delta) * std::sqrt(gram_[j * p + j]));
      }
      if (largest < params_.tol * 0.1) break;
    }
    double change = 0;
    double& intercept = intercept_[k];
    intercept -= total_[k] / curvature_;
    for (std::size_t j = 0; j < p; ++j) {
      intercept -= x_.mean()[j] * moved[j];
      change = std::max(change, std::abs(moved[j]) * std::sqrt(gram_[j * p + j]));
    }
    return change;
  }

  const model::DesignMatrix& x_;
  const TargetView& y_;
  const L1Params& params_;
  const Context& context_;
  std::size_t n_outputs_;
  double curvature_;
  std::vector<double> gram_, w_, intercept_, gradient_, total_;
};

/// Keeps the columns that a linear model with an L1 penalty uses: the lasso for numbers, logistic regression
/// for classes. The score is the largest coefficient of a column, in standard deviations of it.
///
/// Objective: mean loss (half the squared error, or log loss) + alpha * |w|_1, on numbers scaled to variance
/// 1; a
///            category or sparse column is a feature per level, and stays when one of these does.
/// Missing:   a missing category is a level; a missing number is refused with kData (impute before).
/// Cost:      features^2 memory, at most 3,000 features.
/// Source:    scikit-learn's Lasso(alpha), and LogisticRegression with an L1 penalty and C = 1 / (alpha *
/// rows).
class L1 final : public FeatureSelector {
 public:
  explicit L1(L1Params params) : params_(params) {}

 private:
  Selection do_fit(const data::Frame& x, const TargetView& y, const Context& context) const override {
    const auto table = model::LinearTable::of(x, context);
    const model::FeatureMap& map = table->map;
    if (static_cast<std::size_t>(map.n_features) > kMostFeatures)
      throw Error(
          ErrorCode::kInvalidParameter,
          "selector l1 takes at most {} features, but the columns have {}; encode categories of many levels "
          "as numbers before, or use model_importance",
          kMostFeatures, map.n_features);
    std::vector<std::uint32_t> rows(x.n_rows());
    std::iota(rows.begin(), rows.end(), 0U);
    const model::DesignMatrix design(*table, rows, {y.weights.begin(), y.weights.end()}, true, context);
    L1Fit fit(design, y, params_, context);
    fit.solve(params_.alpha > 0 ? params_.alpha : params_.relative_alpha * fit.largest_alpha());
    const auto sizes = fit.sizes();
    Selection out{std::vector<std::uint8_t>(x.n_columns()), std::vector<double>(x.n_columns())};
    std::vector<double> by_feature(sizes.size());
    for (std::size_t j = 0; j < sizes.size(); ++j)
      by_feature[static_cast<std::size_t>(table->feature_of[j])] = sizes[j];
    for (std::size_t c = 0; c < x.n_columns(); ++c) {
      for (std::int32_t slot = 0; slot < map.n_slots[c]; ++slot)
        out.score[c] = std::max(out.score[c], by_feature[static_cast<std::size_t>(map.first[c] + slot)]);
      out.kept[c] = out.score[c] > 0 ? 1 : 0;
    }
    return out;
  }

  L1Params params_;
};

}  // namespace

FeatureSelectorInfo l1_info() {
  return describe_selector<L1>(
      "l1", "Keep the columns that a linear model with an L1 penalty uses (lasso, logistic regression).",
      ParamTable<L1Params>()
          .param("alpha", &L1Params::alpha, "Strength of the penalty; 0: relative_alpha is used.")
          .limits(0, 1e308)
          .param("relative_alpha", &L1Params::relative_alpha,
                 "Strength as a part of the smallest one that leaves all columns out.")
          .limits(1e-6, 1)
          .param("max_iter", &L1Params::max_iter, "Most rounds over the coefficients.")
          .limits(1, 1e6)
          .param("tol", &L1Params::tol, "Converged when no coefficient moves more, in standard deviations.")
          .limits(1e-14, 1));
}

}  // namespace kolosal::pipeline
