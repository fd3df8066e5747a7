#pragma once

#include "kolosal/model/linear_learner.hpp"

namespace kolosal::model {

struct RidgeParams {
  double alpha = 1.0;
  bool search_strength = true;
  bool standardize = true;
  int max_iter = 500;
  double tol = 1e-8;
};

/// Least squares with an L2 penalty: sum over rows of weight * (y - x w - b)^2 + alpha |w|^2; b is not
/// penalized.
///
/// Missing: a missing category is a level of its own; a missing number is refused with kData.
/// Cost:    up to 1200 features one pass for the products of the features, then features^3 / 3 per strength
/// (Cholesky);
///          above, conjugate gradients: two passes over the non-zero cells per iteration.
/// Source:  the objective of scikit-learn's Ridge; numbers are standardized first unless standardize is off.
class Ridge final : public LinearLearner {
 public:
  using Params = RidgeParams;
  explicit Ridge(Params params) : params_(params) {}

 protected:
  std::unique_ptr<Solver> make_solver(const TrainingData& data, const LinearTable& table,
                                      std::span<const std::uint32_t> rows,
                                      const Context& context) const override;

 private:
  Params params_;
};

}  // namespace kolosal::model
