#include "kolosal/infer/served_forests.hpp"

#include <algorithm>

#include "kolosal/model/leaf_sums.hpp"
#include "kolosal/model/linear_leaves.hpp"

namespace kolosal::infer {

namespace {

/// Packing takes some milliseconds, less than what opening the file took.
constexpr std::size_t kPackedAtOnce = 20'000;  // nodes

/// Rows that the forest itself walks in the time that packing takes: half a microsecond a node, against 160
/// ns a row and tree.
std::size_t rows_before_packing(const model::Forest& forest) {
  const std::size_t n_nodes = forest.feature.size();
  return n_nodes <= kPackedAtOnce ? 0 : 3 * n_nodes / std::max<std::size_t>(forest.n_trees(), 1);
}

}  // namespace

ServedForest::ServedForest(const model::Forest& forest, std::optional<ForestKernel> forced,
                           const model::Estimator* learner, std::shared_ptr<const KernelRows> rows)
    : forest_(forest),
      divisor_(forest.divisors()),
      forced_(forced),
      learner_(learner),
      rows_(std::move(rows)),
      n_rows_before_(forced ? 0 : rows_before_packing(forest)) {}

const PackedForest* ServedForest::packed_for(std::size_t n_rows) const {
  if (is_packed_.load(std::memory_order_acquire)) return &*packed_;
  if (n_rows_before_ > 0 && (n_rows_.fetch_add(n_rows, std::memory_order_relaxed) + n_rows < n_rows_before_ ||
                             is_packing_.exchange(true, std::memory_order_relaxed)))
    return nullptr;
  std::call_once(once_, [&] {
    packed_.emplace(forest_, forced_, rows_ ? rows_->of(*learner_) : std::span<const double>());
    is_packed_.store(true, std::memory_order_release);
  });
  return &*packed_;
}

void ServedForest::predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  if (const PackedForest* const packed = packed_for(x.n_rows())) return packed->predict(x, out, context);
  forest_.predict(x, out, context);
}

void ServedForest::predict_row(const double* row, std::span<double> out, ForestScratch& scratch) const {
  if (const PackedForest* const packed = packed_for(1); packed && packed->has_row_path())
    return packed->predict_row(row, out, scratch);
  std::ranges::fill(out, 0.0);
  const auto width = static_cast<std::size_t>(forest_.leaf_width);
  std::vector<double>& sums = scratch.sums;
  sums.assign(out.size(), 0.0);
  for (std::size_t tree = 0; tree < forest_.n_trees(); ++tree) {
    const double* const leaf = forest_.leaf_value.data() + model::leaf_of(forest_, tree, row) * width;
    if (width == 1)
      sums[static_cast<std::size_t>(forest_.tree_output[tree])] += *leaf;
    else
      for (std::size_t k = 0; k < width; ++k) sums[k] += leaf[k];
    if ((tree + 1) % model::kSumTrees != 0 && tree + 1 != forest_.n_trees()) continue;
    for (std::size_t k = 0; k < out.size(); ++k) out[k] += sums[k];
    std::ranges::fill(sums, 0.0);
  }
  forest_.finish(out, divisor_);
}

std::unique_ptr<const ServedQuantiles> ServedQuantiles::of(const model::QuantileLearner& learner,
                                                           std::optional<ForestKernel> forced,
                                                           const std::shared_ptr<const KernelRows>& rows) {
  auto out = std::make_unique<ServedQuantiles>();
  for (std::size_t k = 0; k < learner.quantiles().size(); ++k) {
    const model::Forest* const trees = learner.fit_of(k).trees();
    if (!trees) return nullptr;
    out->forests_.push_back(std::make_unique<const ServedForest>(*trees, forced, &learner, rows));
  }
  return out;
}

void ServedQuantiles::predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  model::predict_quantiles(
      forests_.size(),
      [&](std::size_t k, std::span<double> column) { forests_[k]->predict(x, column, context); }, out);
}

pipeline::Evaluators serve_forests(const pipeline::Model& model, std::optional<ForestKernel> forced,
                                   const std::shared_ptr<const KernelRows>& rows) {
  pipeline::Evaluators out;
  for (const pipeline::Member& member : model.members)
    for (const pipeline::Pipeline& pipeline : member.pipelines)
      if (const model::Forest* const trees = pipeline.estimator().trees())
        out.emplace(&pipeline.estimator(),
                    std::make_unique<const ServedForest>(*trees, forced, &pipeline.estimator(), rows));
      else if (const auto* quantiles = dynamic_cast<const model::QuantileLearner*>(&pipeline.estimator()))
        if (auto served = ServedQuantiles::of(*quantiles, forced, rows))
          out.emplace(&pipeline.estimator(), std::move(served));
  return out;
}

void pack_forests(const pipeline::Evaluators& evaluators) {
  for (const auto& [learner, evaluator] : evaluators)
    if (const auto* const forest = dynamic_cast<const ServedForest*>(evaluator.get()))
      forest->pack();
    else if (const auto* const quantiles = dynamic_cast<const ServedQuantiles*>(evaluator.get()))
      for (const auto& each : quantiles->forests()) each->pack();
}

std::vector<LearnerTimings> time_kernels(const pipeline::Model& model, const KernelRows* rows) {
  std::vector<LearnerTimings> out;
  for (const pipeline::Member& member : model.members)
    for (std::size_t k = 0; k < member.pipelines.size(); ++k) {
      const pipeline::Pipeline& pipeline = member.pipelines[k];
      LearnerTimings& learner = out.emplace_back(member.name, k, pipeline.estimator_name());
      const model::Forest* const trees = pipeline.estimator().trees();
      if (!trees) continue;
      const auto kept = rows ? rows->of(pipeline.estimator()) : std::span<const double>();
      learner.timings = PackedForest(*trees, std::nullopt, kept).timings();
      learner.n_kept_rows = kept.size() / static_cast<std::size_t>(std::max(trees->n_features, 1));
    }
  return out;
}

}  // namespace kolosal::infer
