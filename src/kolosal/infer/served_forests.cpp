#include "kolosal/infer/served_forests.hpp"

namespace kolosal::infer {

const PackedForest& ServedForest::packed() const {
  std::call_once(once_, [&] { packed_.emplace(forest_, forced_); });
  return *packed_;
}

pipeline::Evaluators serve_forests(const pipeline::Model& model, std::optional<ForestKernel> forced) {
  pipeline::Evaluators out;
  for (const pipeline::Member& member : model.members)
    for (const pipeline::Pipeline& pipeline : member.pipelines)
      if (const model::Forest* const trees = pipeline.estimator().trees())
        out.emplace(&pipeline.estimator(), std::make_unique<const ServedForest>(*trees, forced));
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
