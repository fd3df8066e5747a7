#include "kolosal/model/bagged_forest.hpp"

namespace kolosal::model {
namespace {

/// A forest of one tree, of all rows and columns.
ParamTable<BaggedForestParams> table() {
  using P = BaggedForestParams;
  return ParamTable<P>()
      .param("criterion", &P::criterion, "Impurity for classes; numbers use the squared error.",
             choice({"gini", "entropy"}))
      .param("max_depth", &P::max_depth, "Most splits on a path; 0: no limit.", log_range(2, 16))
      .limits(0, 1e6)
      .param("min_samples_split", &P::min_samples_split, "Fewest rows of a node that is split.")
      .limits(2, 1e9)
      .param("min_samples_leaf", &P::min_samples_leaf, "Fewest rows of a leaf.", log_range(1, 100))
      .limits(1, 1e9)
      .param("class_weight", &P::class_weight, "none, or balanced: classes count equally.",
             choice({"none", "balanced"}));
}

}  // namespace

EstimatorInfo decision_tree_info() {
  EstimatorInfo info;
  info.name = "decision_tree";
  info.summary = "One tree of splits, of numbers in at most 255 bins and ranked categories.";
  info.tasks = {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression};
  info.handles_missing = info.handles_categories = true;
  info.params = table().specs();
  info.make = [](const ParamMap& params) -> std::unique_ptr<Estimator> {
    BaggedForestParams read = table().read(params, "decision_tree");
    read.n_estimators = 1;
    read.bootstrap = false;
    read.max_features = "1";
    return std::make_unique<BaggedForest>(std::move(read), false, "decision_tree");
  };
  return info;
}

}  // namespace kolosal::model
