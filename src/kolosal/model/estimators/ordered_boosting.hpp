#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kolosal/model/estimator.hpp"
#include "kolosal/model/symmetric_forest.hpp"

namespace kolosal::model {

class OrderedBoostingFit;

/// CatBoost's parameters under CatBoost's names, where it has them.
struct OrderedBoostingParams {
  std::int64_t n_estimators = 1000;
  double learning_rate = 0.05;
  std::int64_t depth = 6;
  double l2_leaf_reg = 3;
  double random_strength = 1;
  double bagging_temperature = -1;
  double subsample = 1;
  double feature_fraction = 1;
  std::int64_t leaf_estimation_iterations = 0;
  std::int64_t one_hot_max_size = 2;
  std::int64_t max_ctr_pairs = 8;
  std::int64_t ctr_border_count = 63;
  double ctr_prior_weight = 1;
  std::int64_t permutation_count = 4;
  std::string objective = "auto";
  double alpha = 0.9;
  double tweedie_variance_power = 1.5;
  double focal_gamma = 2;
  std::string class_weight = "none";
  std::int64_t early_stopping_rounds = 50;
};

/// Gradient boosting of symmetric trees, with categories as ordered means of the target: CatBoost's plain
/// mode.
///
/// Categories: see CategoryStatistics. Each round grows its tree in one of permutation_count orders of the
/// rows,
///             drawn at random, and adds it to one common score of each row. (CatBoost keeps scores per
///             order.)
/// Missing:    a number that is missing lies below all others; a missing category is a level.
/// Leaves:     Newton steps with l2_leaf_reg (several for losses that are not squared); for absolute and
/// quantile
///             loss the quantile of the residuals. Several classes share the splits of a tree.
/// Rows:       weighted by -log(uniform) to the power bagging_temperature in the search for splits (Bayesian
///             bootstrap), never in leaves.
/// Units:      as of lightgbm: for l2, l1, huber and quantile the target is centred and scaled to
/// deviation 1. Stops:      early_stopping_rounds without a smaller loss on the validation rows; the best
/// round is kept. Threads:    features and blocks of rows; sums are integers or of fixed blocks, so the bytes
/// do not depend on it. Source:     Prokhorenkova, Gusev, Vorobev, Dorogush and Gulin (2018).
class OrderedBoosting final : public Estimator {
 public:
  using Params = OrderedBoostingParams;
  /// @throws Error kInvalidParameter for values that do not fit together.
  explicit OrderedBoosting(Params params);

  std::shared_ptr<const Prepared> prepare(const TrainingData& data, const Context& context) const override;
  std::string preparation_key() const override;
  std::vector<double> feature_importance() const override { return importance_; }

  std::unique_ptr<RowEvaluator> row_evaluator() const override;

  const Params& params() const { return params_; }
  const SymmetricForest& forest() const { return forest_; }

 private:
  friend class OrderedBoostingFit;
  std::unique_ptr<OrderedBoostingFit> make_fit(const TrainingData& data, const Prepared* prepared,
                                               RowSplit rows, const Context& context);
  FitReport do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                   const Context& context) override;
  std::unique_ptr<RoundwiseFit> do_begin(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                                         const Context& context) override;
  void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  Params params_;
  SymmetricForest forest_;
  std::vector<double> importance_;  // gain of the splits by column, as shares
};

}  // namespace kolosal::model
