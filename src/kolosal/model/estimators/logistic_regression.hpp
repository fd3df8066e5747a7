#pragma once

#include <string>

#include "kolosal/model/linear_learner.hpp"

namespace kolosal::model {

struct LogisticRegressionParams {
  double C = 1.0;  // scikit-learn's name
  bool search_strength = true;
  bool standardize = true;
  std::string class_weight = "none";
  int max_iter = 200;
  double tol = 1e-4;
};

/// Logistic regression with an L2 penalty: binary, or softmax over the classes. Minimizes
///   sum over rows of weight * log loss + |w|^2 / (2 C); the intercept is not penalized.
///
/// Missing: a missing category is a level of its own; a missing number is refused with kData.
/// Edge:    a class without training rows gets a probability near 0.
/// Cost:    about 20-100 passes over the non-zero cells per strength; weights are n_features x n_classes
/// doubles. Source:  the objective of scikit-learn's LogisticRegression(solver="lbfgs"); numbers are
/// standardized first unless
///          standardize is off.
class LogisticRegression final : public LinearLearner {
 public:
  using Params = LogisticRegressionParams;
  explicit LogisticRegression(Params params);

 protected:
  std::unique_ptr<Solver> make_solver(const TrainingData& data, const LinearTable& table,
                                      std::span<const std::uint32_t> rows,
                                      const Context& context) const override;
  void apply_link(std::span<double> raw) const override;

 private:
  Params params_;
};

}  // namespace kolosal::model
