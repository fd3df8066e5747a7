#include "kolosal/pipeline/pipeline.hpp"

#include <numeric>
#include <utility>

namespace kolosal::pipeline {
namespace {

// The resampled training rows and behind them the validation rows, as one table.
struct ResampledTable {
  data::Frame x;
  std::vector<double> values, weights;
  std::vector<std::uint32_t> train, valid;
};

ResampledTable resampled_table(const NamedSpec& spec, const data::Frame& x, const data::TargetView& y,
                               model::RowSplit rows, const Context& context) {
  auto made = transform::make_resampler(spec.name, spec.params)->resample(x, rows.train, y, context);
  if (made.values.empty())
    throw Error(ErrorCode::kData, "resampler {} has left no training row of {}", spec.name,
                rows.train.size());
  ResampledTable out;
  out.train.resize(made.x.n_rows());
  out.valid.resize(rows.valid.size());
  std::iota(out.train.begin(), out.train.end(), 0U);
  std::iota(out.valid.begin(), out.valid.end(), static_cast<std::uint32_t>(out.train.size()));
  const data::Frame parts[] = {std::move(made.x), x.take(rows.valid)};
  out.x = data::concatenate(parts);
  out.values = std::move(made.values);
  out.weights = std::move(made.weights);
  for (const std::uint32_t row : rows.valid) {
    out.values.push_back(y.values[row]);
    if (!y.weights.empty()) out.weights.push_back(y.weights[row]);
  }
  return out;
}

}  // namespace

Pipeline::Pipeline(transform::Recipe recipe, std::string estimator, ParamMap params)
    : recipe_(std::move(recipe)),
      name_(std::move(estimator)),
      params_(std::move(params)),
      estimator_(model::make_estimator(name_, params_)) {}

void Pipeline::set_selector(NamedSpec selector) {
  make_feature_selector(selector.name, selector.params);
  selector_ = std::move(selector);
}

void Pipeline::set_resampler(NamedSpec resampler) {
  transform::make_resampler(resampler.name, resampler.params);
  resampler_ = std::move(resampler);
}

model::FitReport Pipeline::fit(const data::Frame& x, const data::TargetView& y, model::RowSplit rows,
                               const Context& context) {
  data::Frame made = recipe_.fit_transform(x, rows.train, y, context);
  // The learner remembers its columns by name, so predict() needs no list of them.
  if (selector_)
    made =
        make_feature_selector(selector_->name, selector_->params)->fit(made, rows.train, y, context).of(made);
  if (!resampler_) {
    const model::TrainingData training{&made, y};
    const auto prepared = estimator_->prepare(training, context);
    return estimator_->fit(training, prepared.get(), rows, context);
  }
  const ResampledTable table = resampled_table(*resampler_, made, y, rows, context);
  const model::TrainingData training{&table.x, {y.task, table.values, table.weights, y.n_classes}};
  const auto prepared = estimator_->prepare(training, context);
  return estimator_->fit(training, prepared.get(), {table.train, table.valid}, context);
}

void Pipeline::predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  estimator_->predict(recipe_.transform(x, context), out, context);
}

void Pipeline::save(artifact::Node& node) const {
  save_parts(node, name_, params_, recipe_, *estimator_);
  // For whoever asks how it was fitted; nothing of it is needed to predict.
  const auto save_spec = [&](const std::string& kind, const std::optional<NamedSpec>& spec) {
    if (!spec) return;
    node.set(kind, spec->name);
    node.set(kind + "_params", spec->params);
  };
  save_spec("selector", selector_);
  save_spec("resampler", resampler_);
}

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
  if (node.has("selector")) out.selector_ = {node.get_string("selector"), node.get_params("selector_params")};
  if (node.has("resampler"))
    out.resampler_ = {node.get_string("resampler"), node.get_params("resampler_params")};
  return out;
}

}  // namespace kolosal::pipeline
