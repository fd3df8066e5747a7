#include "kolosal/pipeline/pipeline.hpp"

#include <utility>

namespace kolosal::pipeline {

Pipeline::Pipeline(transform::Recipe recipe, std::string estimator, ParamMap params)
    : recipe_(std::move(recipe)),
      name_(std::move(estimator)),
      params_(std::move(params)),
      estimator_(model::make_estimator(name_, params_)) {}

model::FitReport Pipeline::fit(const data::Frame& x, const data::TargetView& y, model::RowSplit rows,
                               const Context& context) {
  const data::Frame made = recipe_.fit_transform(x, rows.train, y, context);
  const model::TrainingData training{&made, y};
  const auto prepared = estimator_->prepare(training, context);
  return estimator_->fit(training, prepared.get(), rows, context);
}

void Pipeline::predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  estimator_->predict(recipe_.transform(x, context), out, context);
}

void Pipeline::save(artifact::Node& node) const { save_parts(node, name_, params_, recipe_, *estimator_); }

void Pipeline::save_parts(artifact::Node& node, const std::string& estimator_name, const ParamMap& params,
                          const transform::Recipe& recipe, const model::Estimator& estimator) {
  node.set("estimator", estimator_name);
  node.set("params", params);
  recipe.save(node.add_child("recipe"));
  estimator.save(node.add_child("state"));
}

Pipeline Pipeline::load(const artifact::Node& node) {
  Pipeline out;
  out.name_ = node.get_string("estimator");
  out.params_ = node.get_params("params");
  out.recipe_ = transform::Recipe::load(node.child("recipe"));
  out.estimator_ = model::make_estimator(out.name_, out.params_);
  out.estimator_->load(node.child("state"));
  return out;
}

}  // namespace kolosal::pipeline
