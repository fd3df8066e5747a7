#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kolosal/model/estimator.hpp"
#include "kolosal/model/forest.hpp"

namespace kolosal::model {

class LightgbmFit;

/// LightGBM's parameters under LightGBM's names.
struct LightgbmParams {
  std::int64_t n_estimators = 1000;
  double learning_rate = 0.1;
  std::int64_t num_leaves = 31;
  std::int64_t max_depth = -1;
  std::int64_t min_data_in_leaf = 20;
  double min_sum_hessian_in_leaf = 1e-3;
  double feature_fraction = 1.0;
  double feature_fraction_bynode = 1.0;
  double bagging_fraction = 1.0;
  std::int64_t bagging_freq = 1;
  double lambda_l1 = 0;
  double lambda_l2 = 0;
  double min_gain_to_split = 0;
  double path_smooth = 0;
  bool extra_trees = false;
  std::int64_t max_bin = 255;
  std::int64_t min_data_in_bin = 3;
  double cat_smooth = 10;
  double cat_l2 = 10;
  std::int64_t max_cat_threshold = 32;
  std::int64_t max_cat_to_onehot = 4;
  std::int64_t min_data_per_group = 100;
  std::string boosting = "gbdt";
  double drop_rate = 0.1;
  std::string objective = "auto";
  double alpha = 0.9;
  double tweedie_variance_power = 1.5;
  double focal_gamma = 2;
  std::string class_weight = "none";
  std::string monotone;
  std::int64_t early_stopping_rounds = 50;
};

/// Gradient boosted trees by LightGBM, driven round by round through its C interface. What is kept of a fit
/// is a Forest, so predict(), save() and load() need no LightGBM.
///
/// Missing: NaN goes where the split learned to send it; missing and unseen categories go right, as in
/// LightGBM. Units:   for l2, l1, huber and quantile the target is centred and scaled to standard deviation 1
/// before LightGBM (which
///          keeps it as float32) sees it, so lambda_l1, min_gain_to_split and huber's alpha are in that unit.
/// Stops:   early_stopping_rounds without a smaller loss on the validation rows; the best round is kept. dart
/// has no
///          early stopping (it changes trees of earlier rounds).
/// Same seed, same bytes: deterministic mode and column-wise histograms, for any number of threads.
class Lightgbm final : public Estimator {
 public:
  using Params = LightgbmParams;
  /// @throws Error kInvalidParameter for values that do not fit together.
  explicit Lightgbm(Params params);

  std::shared_ptr<const Prepared> prepare(const TrainingData& data, const Context& context) const override;
  std::string preparation_key() const override;
  std::vector<double> feature_importance() const override { return importance_; }

  const Params& params() const { return params_; }
  const Forest& forest() const { return forest_; }
  const Forest* trees() const override { return &forest_; }

 private:
  friend class LightgbmFit;
  std::unique_ptr<LightgbmFit> make_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
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
