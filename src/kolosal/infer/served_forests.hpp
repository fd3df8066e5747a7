#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kolosal/infer/forest/packed_forest.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer {

/// A packed forest for each learner of trees of a model, made when it first predicts. The model must outlive
/// them.
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
