#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/infer/forest/packed_forest.hpp"
#include "kolosal/infer/kernel_rows.hpp"
#include "kolosal/model/quantile_learner.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer {

/// A forest and its packed form, which is made when it pays: packing takes about half a microsecond a node,
/// so a large forest that was just opened predicts its first rows by itself (the bytes are the same).
///
/// Threads: const use is safe from many threads; while one packs, the others go on without.
class ServedForest final : public model::Evaluator {
 public:
  /// learner: whose rows of `rows` the kernels are timed on; no rows: null.
  ServedForest(const model::Forest& forest, std::optional<ForestKernel> forced,
               const model::Estimator* learner = nullptr, std::shared_ptr<const KernelRows> rows = nullptr);
  /// Before n_rows more are predicted: null while that is better done without.
  const PackedForest* packed_for(std::size_t n_rows) const;
  void pack() const { packed_for(n_rows_before_); }
  void predict(const data::Frame& x, std::span<double> out, const Context& context) const override;
  /// Allocates nothing when the scratch has been used before (but for the packing).
  void predict_row(const double* row, std::span<double> out, ForestScratch& scratch) const;

 private:
  const model::Forest& forest_;
  std::vector<double> divisor_;
  std::optional<ForestKernel> forced_;
  const model::Estimator* learner_;
  std::shared_ptr<const KernelRows> rows_;
  std::size_t n_rows_before_;  // packing takes as long as they do without it
  mutable std::atomic<std::size_t> n_rows_ = 0;
  mutable std::once_flag once_;
  mutable std::optional<PackedForest> packed_;
  mutable std::atomic<bool> is_packing_ = false, is_packed_ = false;
};

/// Several quantiles of trees: a served forest for each.
class ServedQuantiles final : public model::Evaluator {
 public:
  /// Null when the learner's fits are none of trees.
  static std::unique_ptr<const ServedQuantiles> of(const model::QuantileLearner& learner,
                                                   std::optional<ForestKernel> forced,
                                                   const std::shared_ptr<const KernelRows>& rows);
  const std::vector<std::unique_ptr<const ServedForest>>& forests() const { return forests_; }
  void predict(const data::Frame& x, std::span<double> out, const Context& context) const override;

 private:
  std::vector<std::unique_ptr<const ServedForest>> forests_;
};

/// A packed forest for each learner of trees of a model (for quantiles of them, one each), made when it first
/// predicts. rows: to time the kernels on, or null. The model must outlive them.
pipeline::Evaluators serve_forests(const pipeline::Model& model, std::optional<ForestKernel> forced,
                                   const std::shared_ptr<const KernelRows>& rows = nullptr);

void pack_forests(const pipeline::Evaluators& evaluators);

/// A learner of a model and what its kernels cost.
struct LearnerTimings {
  std::string member;        ///< its name in the blend
  std::size_t pipeline = 0;  ///< which of the member's
  std::string learner;
  std::vector<KernelTiming> timings;  ///< empty: the learner predicts by itself
  std::size_t n_kept_rows = 0;        ///< the model's, that it was timed on; 0: on drawn ones
};
/// rows: as in serve_forests().
std::vector<LearnerTimings> time_kernels(const pipeline::Model& model, const KernelRows* rows = nullptr);

}  // namespace kolosal::infer
