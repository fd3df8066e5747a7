#pragma once

#include "kolosal/model/linear_learner.hpp"

namespace kolosal::model {

/// What multinomial_nb and bernoulli_nb have in common: weighted sums of every feature by class, from one
/// pass over the non-zero cells, and from them log probabilities that are linear in the features.
///
/// Missing: a missing category is a level of its own; a missing number is refused with kData.
/// Edge:    a class without training rows gets a probability near 0.
class DiscreteNaiveBayes : public LinearLearner {
 public:
  /// Sums over the training rows.
  struct Counts {
    std::size_t n_features = 0, n_classes = 0;
    std::vector<double> weight;  ///< n_classes: of its rows
    std::vector<double> sum;     ///< n_features x n_classes: weight * value
  };
  /// Log probabilities: of a class without any feature, and what each feature adds per unit.
  struct LogProbabilities {
    std::vector<double> intercept;    ///< n_classes; the prior is added by the caller
    std::vector<double> coefficient;  ///< n_features x n_classes
  };

 protected:
  explicit DiscreteNaiveBayes(bool fit_prior) : fit_prior_(fit_prior) {}
  virtual LogProbabilities log_probabilities(const Counts& counts) const = 0;
  /// What a cell of a number or sparse column counts for; a level counts 1. @throws Error kData naming the
  /// column where that makes no sense.
  virtual double count_of(double cell, const std::string& column) const = 0;

  std::unique_ptr<Solver> make_solver(const TrainingData& data, const LinearTable& table,
                                      std::span<const std::uint32_t> rows,
                                      const Context& context) const final;
  void apply_link(std::span<double> raw) const final;

 private:
  class CountingSolver;
  bool fit_prior_;
};

}  // namespace kolosal::model
