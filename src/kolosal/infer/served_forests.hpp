#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/infer/forest/packed_forest.hpp"
#include "kolosal/model/quantile_learner.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer {

/// A packed forest, made when it is first asked for: packing takes a few milliseconds, and a model that is
/// opened to be looked at does without.
class ServedForest final : public model::Evaluator {
 public:
  ServedForest(const model::Forest& forest, std::optional<ForestKernel> forced)
      : forest_(forest), forced_(forced) {}
  const PackedForest& packed() const;
  void predict(const data::Frame& x, std::span<double> out, const Context& context) const override {
    packed().predict(x, out, context);
  }

 private:
  const model::Forest& forest_;
  std::optional<ForestKernel> forced_;
  mutable std::once_flag once_;
  mutable std::optional<PackedForest> packed_;
};

/// Several quantiles of trees: a served forest for each.
class ServedQuantiles final : public model::Evaluator {
 public:
  /// Null when the learner's fits are none of trees.
  static std::unique_ptr<const ServedQuantiles> of(const model::QuantileLearner& learner,
                                                   std::optional<ForestKernel> forced);
  const std::vector<std::unique_ptr<const ServedForest>>& forests() const { return forests_; }
  void predict(const data::Frame& x, std::span<double> out, const Context& context) const override;

 private:
  std::vector<std::unique_ptr<const ServedForest>> forests_;
};

/// A packed forest for each learner of trees of a model (for quantiles of them, one each), made when it first
/// predicts. The model must outlive them.
pipeline::Evaluators serve_forests(const pipeline::Model& model, std::optional<ForestKernel> forced);

/// A learner of a model and what its kernels cost.
struct LearnerTimings {
  std::string member;        ///< its name in the blend
  std::size_t pipeline = 0;  ///< which of the member's
  std::string learner;
  std::vector<KernelTiming> timings;  ///< empty: the learner predicts by itself
};
std::vector<LearnerTimings> time_kernels(const pipeline::Model& model);

}  // namespace kolosal::infer
