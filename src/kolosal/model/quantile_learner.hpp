#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kolosal/model/estimator.hpp"

namespace kolosal::model {

/// Makes a learner one of a quantile: sets the parameters that say so.
/// @throws Error kInvalidParameter for a learner that has no quantile.
void set_quantile(const std::string& learner, ParamMap& params, double quantile);
bool can_predict_quantiles(const std::string& learner);

/// Several quantiles of a number: one fit of the same learner with the same parameters for each, and rows
/// whose values are put in rising order, so that they never cross. Rearranged values are never further from
/// the true quantiles than those the fits gave (Chernozhukov, Fernandez-Val and Galichon 2010, "Quantile and
/// probability curves without crossing").
///
/// Shapes: n_rows x quantiles; the target's quantiles at fit are those of the constructor.
/// Preparation: the learner's, made once for all of them. Time: each fit may use its share of what is left.
class QuantileLearner final : public Estimator {
 public:
  /// @throws Error kInvalidParameter of the learner, or when it has no quantile.
  QuantileLearner(const std::string& learner, const ParamMap& params, std::vector<double> quantiles);

  const std::vector<double>& quantiles() const { return quantiles_; }
  /// The learner of a quantile.
  const Estimator& fit_of(std::size_t k) const { return *fits_[k]; }
  std::unique_ptr<RowEvaluator> row_evaluator() const override;
  std::shared_ptr<const Prepared> prepare(const TrainingData& data, const Context& context) const override;
  std::string preparation_key() const override;
  std::vector<double> feature_importance() const override;

 protected:
  FitReport do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                   const Context& context) override;
  void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

 private:
  std::vector<double> quantiles_;
  std::vector<std::unique_ptr<Estimator>> fits_;  // one per quantile
};

/// The learner itself, or a QuantileLearner of it where there are several quantiles (the baseline predicts
/// them as it is).
std::unique_ptr<Estimator> make_estimator(const std::string& name, const ParamMap& params,
                                          const std::vector<double>& quantiles);

/// What several fits of one quantile each predict together: predict(k, column) gives those of quantile k, one
/// number a row. out: n_rows x n_quantiles, row by row, rising within a row.
void predict_quantiles(std::size_t n_quantiles,
                       const std::function<void(std::size_t k, std::span<double> column)>& predict,
                       std::span<double> out);

/// Puts the values of each row in rising order. Shapes: n_rows x n_quantiles, row by row.
void sort_rows(std::span<double> values, std::size_t n_quantiles);

}  // namespace kolosal::model
