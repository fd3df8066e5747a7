#pragma once

#include "kolosal/model/linear_learner.hpp"

namespace kolosal::model {

struct ElasticNetParams {
  double alpha = 1.0;
  double l1_ratio = 0.5;
  bool search_strength = true;
  bool standardize = true;
  int max_iter = 1000;
  double tol = 1e-4;
};

/// Least squares with an L1 and an L2 penalty, which leaves useless features out:
///   sum of weight * (y - x w - b)^2 / (2 * total weight) + alpha * (l1_ratio * |w|_1 + (1 - l1_ratio) / 2 *
///   |w|_2^2).
///
/// Strength: with search_strength, alpha is not used: seven strengths from 0.3 down to 0.0001 of the smallest
/// one that leaves all
///           features out are tried.
/// Missing:  a missing category is a level of its own; a missing number is refused with kData.
/// Cost:     up to 1200 features one pass for the products of the features, then features^2 per sweep; above,
/// one pass over the
///           non-zero cells per sweep.
/// Source:   the objective of scikit-learn's ElasticNet; coordinate descent (Friedman, Hastie and Tibshirani,
/// 2010).
class ElasticNet final : public LinearLearner {
 public:
  using Params = ElasticNetParams;
  explicit ElasticNet(Params params) : params_(params) {}

  /// All but l1_ratio, which the lasso does not have.
  static ParamTable<ElasticNetParams> param_table();

 protected:
  std::unique_ptr<Solver> make_solver(const TrainingData& data, const LinearTable& table,
                                      std::span<const std::uint32_t> rows,
                                      const Context& context) const override;

 private:
  Params params_;
};

}  // namespace kolosal::model
