#include "kolosal/pipeline/pipeline.hpp"

#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/model/quantile_learner.hpp"
#include "kolosal/pipeline/feature_selector.hpp"
#include "kolosal/pipeline/learned_steps.hpp"
#include "kolosal/transform/resampler.hpp"

namespace kolosal::pipeline {
namespace {

std::vector<double> saved_quantiles(const artifact::Node& node) {
  auto out = node.get_vector<double>("quantiles");
  if (out.empty()) throw Error(ErrorCode::kModel, "a learner of quantiles is damaged: it has none");
  return out;
}

}  // namespace

Pipeline::Pipeline(transform::Recipe recipe, std::string estimator, ParamMap params)
    : recipe_(std::move(recipe)),
      name_(std::move(estimator)),
      params_(std::move(params)),
      estimator_(model::make_estimator(name_, params_)) {}

Pipeline::Pipeline(std::string name, std::unique_ptr<model::Estimator> fitted)
    : name_(std::move(name)), estimator_(std::move(fitted)) {
  KOLOSAL_ASSERT(estimator_ != nullptr && estimator_->is_fitted(), "the learner is fitted");
  artifact::Node no_steps;
  no_steps.set("n_steps", 0);
  recipe_ = transform::Recipe::load(no_steps);
}

void Pipeline::set_selector(NamedSpec selector) {
  make_feature_selector(selector.name, selector.params);
  choices_.selector = std::move(selector);
}

void Pipeline::set_resampler(NamedSpec resampler, bool keeps_class_shares) {
  transform::make_resampler(resampler.name, resampler.params);
  choices_.resampler = std::move(resampler);
  choices_.keeps_class_shares = keeps_class_shares;
}

void Pipeline::set_class_weight(std::string rule, bool keeps_class_shares) {
  choices_.class_weight = std::move(rule);
  choices_.keeps_class_shares = keeps_class_shares;
}

model::FitReport Pipeline::fit(const data::Frame& x, const data::TargetView& y, model::RowSplit rows,
                               const Context& context) {
  const data::Frame made = recipe_.fit_transform(x, rows.train, y, context);
  return fit_with_choices(*estimator_, choices_, made, y, rows, context, class_factors_);
}

void Pipeline::predict(const data::Frame& x, std::span<double> out, const Context& context,
                       const model::Evaluator* evaluator) const {
  estimator_->predict(recipe_.transform(x, context), out, context, evaluator);
  apply_class_factors(out, class_factors_);
}

void Pipeline::save(artifact::Node& node) const {
  save_parts(node, name_, params_, recipe_, *estimator_, choices_, class_factors_);
}

void Pipeline::save_parts(artifact::Node& node, const std::string& estimator_name, const ParamMap& params,
                          const transform::Recipe& recipe, const model::Estimator& estimator,
                          const FitChoices& choices, std::span<const double> class_factors) {
  node.set("estimator", estimator_name);
  node.set("params", params);
  if (const auto* several = dynamic_cast<const model::QuantileLearner*>(&estimator))
    node.set_array("quantiles", several->quantiles());
  recipe.save(node.add_child("recipe"));
  estimator.save(node.add_child("state"));
  if (!class_factors.empty()) node.set_array("class_factors", class_factors);
  // For whoever asks how it was fitted; nothing of it is needed to predict.
  const auto save_spec = [&](const std::string& kind, const std::optional<NamedSpec>& spec) {
    if (!spec) return;
    node.set(kind, spec->name);
    node.set(kind + "_params", spec->params);
  };
  save_spec("selector", choices.selector);
  save_spec("resampler", choices.resampler);
  if (!choices.class_weight.empty()) node.set("class_weight", choices.class_weight);
}

Pipeline Pipeline::load(const artifact::Node& node) {
  Pipeline out;
  out.name_ = node.get_string("estimator");
  out.params_ = node.get_params("params");
  out.recipe_ = transform::Recipe::load(node.child("recipe"), learned_steps());
  out.estimator_ = node.has("quantiles") ? std::make_unique<model::QuantileLearner>(out.name_, out.params_,
                                                                                    saved_quantiles(node))
                                         : model::make_estimator(out.name_, out.params_);
  out.estimator_->load(node.child("state"));
  if (out.estimator_->task() == data::Task::kRegression && out.estimator_->n_outputs() > 1 &&
      !node.has("quantiles") && out.name_ != "constant")
    throw Error(ErrorCode::kModel, "a {} is damaged: it predicts one value and has {} outputs", out.name_,
                out.estimator_->n_outputs());
  if (node.has("class_factors")) out.class_factors_ = node.get_vector<double>("class_factors");
  if (node.has("selector"))
    out.choices_.selector = NamedSpec{node.get_string("selector"), node.get_params("selector_params")};
  if (node.has("resampler"))
    out.choices_.resampler = NamedSpec{node.get_string("resampler"), node.get_params("resampler_params")};
  if (node.has("class_weight")) out.choices_.class_weight = node.get_string("class_weight");
  return out;
}

}  // namespace kolosal::pipeline
