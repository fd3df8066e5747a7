#include "kolosal/pipeline/feature_selector.hpp"
#include "kolosal/pipeline/selector_learner_internal.hpp"
#include "kolosal/transform/column_choice.hpp"

namespace kolosal::pipeline {
namespace {

struct ModelImportanceParams : transform::ChoiceParams {
  ModelImportanceParams() {
    choose = "threshold";
    threshold = 1;
  }
  std::string estimator = "random_forest";
};

/// Keeps the columns that a learner finds important. The score is the importance in units of the mean one.
///
/// Source: as scikit-learn's SelectFromModel, whose threshold "mean" is our threshold 1.
class ModelImportance final : public FeatureSelector {
 public:
  explicit ModelImportance(ModelImportanceParams params) : params_(std::move(params)) {
    check_choice(params_, "model_importance", false);
    check_learner("model_importance", params_.estimator);
  }

 private:
  Selection do_fit(const data::Frame& x, const data::TargetView& y, const Context& context) const override {
    Selection out;
    for (const double importance : importance_of(params_.estimator, x, y, context))
      out.score.push_back(importance * static_cast<double>(x.n_columns()));
    out.kept = transform::choose_columns(out.score, {}, params_);
    return out;
  }

  ModelImportanceParams params_;
};

}  // namespace

FeatureSelectorInfo model_importance_info() {
  return describe_selector<ModelImportance>(
      "model_importance", "Keep the columns that a learner finds important.",
      transform::choice_table<ModelImportanceParams>(false).param(
          "estimator", &ModelImportanceParams::estimator, "The learner: any that tells importances."));
}

}  // namespace kolosal::pipeline
