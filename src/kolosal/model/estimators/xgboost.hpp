#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kolosal/model/estimator.hpp"
#include "kolosal/model/forest.hpp"

namespace kolosal::model {

class XgboostFit;

/// XGBoost's parameters under the names of its scikit-learn interface.
struct XgboostParams {
  std::int64_t n_estimators = 1000;
  double learning_rate = 0.1;
  std::int64_t max_depth = 6;
  std::int64_t max_leaves = 0;
  std::string grow_policy = "depthwise";
  double min_child_weight = 1;
  double subsample = 1;
  double colsample_bytree = 1;
  double colsample_bylevel = 1;
  double colsample_bynode = 1;
  double reg_alpha = 0;
  double reg_lambda = 1;
  double gamma = 0;
  double max_delta_step = 0;
  std::int64_t max_bin = 256;
  std::int64_t max_cat_to_onehot = 4;
  std::int64_t max_cat_threshold = 64;
  std::string objective = "auto";
  double alpha = 0.9;
  double tweedie_variance_power = 1.5;
  std::string class_weight = "none";
  std::string monotone;
  std::int64_t early_stopping_rounds = 50;
};

/// Gradient boosted trees by XGBoost (histograms), driven round by round through its C interface. What is
/// kept of a fit is a Forest, so predict(), save() and load() need no XGBoost.
///
/// Missing: NaN, missing and unseen categories go where each split learned to send missing values.
/// Units:   for l2, l1, huber and quantile the target is centred and scaled to standard deviation 1 before
/// XGBoost sees it, so
///          reg_alpha, gamma and huber's alpha are in that unit.
/// Stops:   early_stopping_rounds without a smaller loss on the validation rows; the best round is kept.
/// Threads: training runs on one thread whatever the context allows, binning on all of them: XGBoost's sums,
/// and so its bytes,
///          depend on the number of threads.
/// Cost:    a byte per cell for the binned table, and again for the rows of each fit; columns are read as
/// float32.
class Xgboost final : public Estimator {
 public:
  using Params = XgboostParams;
  /// @throws Error kInvalidParameter for values that do not fit together.
  explicit Xgboost(Params params);

  std::shared_ptr<const Prepared> prepare(const TrainingData& data, const Context& context) const override;
  std::string preparation_key() const override;
  std::vector<double> feature_importance() const override { return importance_; }

  const Params& params() const { return params_; }
  const Forest& forest() const { return forest_; }
  const Forest* trees() const override { return &forest_; }

 private:
  friend class XgboostFit;
  std::unique_ptr<XgboostFit> make_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                                       const Context& context);
  FitReport do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                   const Context& context) override;
  std::unique_ptr<RoundwiseFit> do_begin(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                                         const Context& context) override;
  void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  Params params_;
  Forest forest_;
  std::vector<double> importance_;  // summed gain of the splits, as shares
};

}  // namespace kolosal::model
