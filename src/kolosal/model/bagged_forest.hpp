#pragma once

#include <string>
#include <vector>

#include "kolosal/model/estimator.hpp"
#include "kolosal/model/forest.hpp"
#include "kolosal/model/tree_grower.hpp"

namespace kolosal::model {

/// Parameters of random_forest and extra_trees: names and meaning as in scikit-learn.
struct BaggedForestParams {
  int n_estimators = 100;
  std::string max_features = "auto";
  std::string criterion = "gini";
  int max_depth = 0;
  int min_samples_split = 2;
  int min_samples_leaf = 1;
  bool bootstrap = true;
  double max_samples = 1.0;
  std::string class_weight = "none";
};

/// The mean of many deep trees, each of its own bootstrap (random_forest) or with its own random thresholds
/// (extra_trees).
///
/// Binning:    numbers are cut into at most 255 bins, once per table; thresholds are numbers halfway between
/// two bins. Categories: ranked once per fit by the mean target of their level (several classes: by the first
/// principal component of
///             the class shares), shrunk to the overall mean, after which a split is "rank <= b" (Wright and
///             Koenig, 2019).
/// Missing:    native. Tried on both sides of each split; a split whose node had none sends them to the
/// larger side. Threads:    trees in parallel, each with a seed of its own name: the same bytes for any
/// number of threads. Stops:      keeps the trees that were finished. Source:     Breiman (2001), Geurts,
/// Ernst and Wehenkel (2006); sampling of features and rows as in scikit-learn.
class BaggedForest final : public Estimator {
 public:
  using Params = BaggedForestParams;
  /// name: of the learner, for messages.
  BaggedForest(Params params, bool random_threshold, const char* name);

  std::shared_ptr<const Prepared> prepare(const TrainingData& data, const Context& context) const override;
  std::string preparation_key() const override { return BinnedTable::kKey; }
  std::vector<double> feature_importance() const override { return importance_; }
  const Forest& forest() const { return forest_; }
  const Forest* trees() const override { return &forest_; }

 protected:
  FitReport do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                   const Context& context) override;
  void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

 private:
  TreeParams tree_params(std::size_t n_features, bool classification, std::size_t n_classes) const;

  Params params_;
  bool random_threshold_;
  const char* name_;
  Forest forest_;
  std::vector<double> importance_;
};

/// The registry entry of one of the two.
EstimatorInfo bagged_forest_info(const char* name, const char* summary, bool random_threshold);

}  // namespace kolosal::model
