#include "kolosal/infer/served_forests.hpp"

#include <mutex>

namespace kolosal::infer {
namespace {

/// Packing takes a few milliseconds: a model that is opened to be looked at does without.
class ServedForest final : public model::Evaluator {
 public:
  ServedForest(const model::Forest& forest, std::optional<ForestKernel> forced)
      : forest_(forest), forced_(forced) {}

  void predict(const data::Frame& x, std::span<double> out, const Context& context) const override {
    std::call_once(once_, [&] { packed_.emplace(forest_, forced_); });
    packed_->predict(x, out, context);
  }

 private:
  const model::Forest& forest_;
  std::optional<ForestKernel> forced_;
  mutable std::once_flag once_;
  mutable std::optional<PackedForest> packed_;
};

}  // namespace

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
