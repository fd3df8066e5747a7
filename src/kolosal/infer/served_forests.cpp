#include "kolosal/infer/served_forests.hpp"

namespace kolosal::infer {

const PackedForest& ServedForest::packed() const {
  std::call_once(once_, [&] { packed_.emplace(forest_, forced_); });
  return *packed_;
}

std::unique_ptr<const ServedQuantiles> ServedQuantiles::of(const model::QuantileLearner& learner,
                                                           std::optional<ForestKernel> forced) {
  auto out = std::make_unique<ServedQuantiles>();
  for (std::size_t k = 0; k < learner.quantiles().size(); ++k) {
    const model::Forest* const trees = learner.fit_of(k).trees();
    if (!trees) return nullptr;
    out->forests_.push_back(std::make_unique<const ServedForest>(*trees, forced));
  }
  return out;
}

void ServedQuantiles::predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  model::predict_quantiles(
      forests_.size(),
      [&](std::size_t k, std::span<double> column) { forests_[k]->predict(x, column, context); }, out);
}

pipeline::Evaluators serve_forests(const pipeline::Model& model, std::optional<ForestKernel> forced) {
  pipeline::Evaluators out;
  for (const pipeline::Member& member : model.members)
    for (const pipeline::Pipeline& pipeline : member.pipelines)
      if (const model::Forest* const trees = pipeline.estimator().trees())
        out.emplace(&pipeline.estimator(), std::make_unique<const ServedForest>(*trees, forced));
      else if (const auto* quantiles = dynamic_cast<const model::QuantileLearner*>(&pipeline.estimator()))
        if (auto served = ServedQuantiles::of(*quantiles, forced))
          out.emplace(&pipeline.estimator(), std::move(served));
  return out;
}

std::vector<LearnerTimings> time_kernels(const pipeline::Model& model) {
  std::vector<LearnerTimings> out;
  for (const pipeline::Member& member : model.members)
    for (std::size_t k = 0; k < member.pipelines.size(); ++k) {
      const pipeline::Pipeline& pipeline = member.pipelines[k];
      LearnerTimings& learner = out.emplace_back(member.name, k, pipeline.estimator_name());
      if (const model::Forest* const trees = pipeline.estimator().trees())
        learner.timings = PackedForest(*trees, std::nullopt).timings();
    }
  return out;
}

}  // namespace kolosal::infer
