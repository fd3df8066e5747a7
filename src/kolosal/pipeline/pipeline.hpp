#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/pipeline/fit_choices.hpp"
#include "kolosal/transform/recipe.hpp"

namespace kolosal::pipeline {

/// Preprocessing steps and the learner behind them: what one fit makes and what predicts.
///
/// Between the two a fit may choose columns by a learner, resample rows and weigh classes (FitChoices).
/// Shapes: predict() takes the columns it was fitted on and writes n_rows x n_outputs, as
/// Estimator::predict() does. Threads: predict() is const and safe from many threads.
class Pipeline {
 public:
  Pipeline() = default;
  Pipeline(transform::Recipe recipe, std::string estimator, ParamMap params);
  /// A learner that came fitted from elsewhere, and may be none of the registry: then load() can not make it
  /// again. name: for whoever asks what it is.
  Pipeline(std::string name, std::unique_ptr<model::Estimator> fitted);

  /// Before fit(). @throws Error kInvalidParameter for an unknown name or parameter, at once.
  void set_selector(NamedSpec selector);
  /// keeps_class_shares: as in FitChoices.
  void set_resampler(NamedSpec resampler, bool keeps_class_shares = false);
  /// rule: of model::class_weights(); numbers are checked when the classes are known.
  void set_class_weight(std::string rule, bool keeps_class_shares = false);

  /// Fits steps and learner on rows.train only; rows.valid is for early stopping.
  model::FitReport fit(const data::Frame& x, const data::TargetView& y, model::RowSplit rows,
                       const Context& context);

  /// The two halves of fit(), for callers that share their results between fits (automl).
  transform::Recipe& recipe() { return recipe_; }
  const transform::Recipe& recipe() const { return recipe_; }
  model::Estimator& estimator() { return *estimator_; }
  const model::Estimator& estimator() const { return *estimator_; }
  const std::string& estimator_name() const { return name_; }
  const ParamMap& params() const { return params_; }
  /// What apply_class_factors() takes its predictions by; often none.
  std::span<const double> class_factors() const { return class_factors_; }

  /// evaluator: of the learner, or null (Estimator::predict()).
  void predict(const data::Frame& x, std::span<double> out, const Context& context,
               const model::Evaluator* evaluator = nullptr) const;

  void save(artifact::Node& node) const;
  /// The same, for parts that are shared between pipelines.
  static void save_parts(artifact::Node& node, const std::string& estimator_name, const ParamMap& params,
                         const transform::Recipe& recipe, const model::Estimator& estimator,
                         const FitChoices& choices, std::span<const double> class_factors);
  static Pipeline load(const artifact::Node& node);

 private:
  transform::Recipe recipe_;
  std::string name_;
  ParamMap params_;
  std::unique_ptr<model::Estimator> estimator_;
  FitChoices choices_;
  std::vector<double> class_factors_;
};

}  // namespace kolosal::pipeline
