#include "kolosal/infer/kernel_rows.hpp"

#include <algorithm>

#include "kolosal/core/error.hpp"
#include "kolosal/core/log.hpp"
#include "kolosal/data/row_cell.hpp"
#include "kolosal/model/quantile_learner.hpp"
#include "kolosal/pipeline/kept_rows.hpp"
#include "kolosal/transform/row_plan.hpp"

namespace kolosal::infer {
namespace {

/// A learner's columns among those that a plan makes.
struct Learner {
  const model::Estimator* estimator;
  std::vector<std::uint32_t> slots;
};

std::vector<Learner> learners_of(const pipeline::Model& model, transform::RowPlan& plan) {
  std::vector<Learner> out;
  const transform::RowColumns base = plan.append(model.base, plan.inputs());
  for (const pipeline::Member& member : model.members) {
    const transform::RowColumns view = plan.append(model.views.at(member.view), base);
    for (const pipeline::Pipeline& pipeline : member.pipelines) {
      const model::Estimator& estimator = pipeline.estimator();
      if (!estimator.trees() && !dynamic_cast<const model::QuantileLearner*>(&estimator)) continue;
      const transform::RowColumns made = plan.append(pipeline.recipe(), view);
      out.push_back({&estimator, {}});
      for (const std::string& name : estimator.feature_names())
        out.back().slots.push_back(made.slots[made.header.find(name).value()]);
    }
  }
  return out;
}

}  // namespace

std::span<const double> KernelRows::of(const model::Estimator& learner) const {
  std::call_once(once_, [&] { prepare(); });
  const auto found = rows_.find(&learner);
  return found == rows_.end() ? std::span<const double>() : std::span<const double>(found->second);
}

// By the plan for single rows, which counts no drift: these are no rows that the user brought.
void KernelRows::prepare() const try {
  const auto kept = pipeline::load_kept_rows(*container_);
  if (!kept) return;
  const data::Frame rows = model_->schema.conform(kept->slice(0, std::min(kept->n_rows(), kMost)));
  transform::RowPlan plan(rows.slice(0, 0));
  const std::vector<Learner> learners = learners_of(*model_, plan);
  std::vector<data::RowCell> cells(plan.n_slots());
  data::RowArena arena;
  for (std::size_t r = 0; r < rows.n_rows(); ++r, arena.clear()) {
    for (std::size_t c = 0; c < rows.n_columns(); ++c) cells[c] = data::cell_of(rows.column(c), r, arena);
    plan.run(cells, arena);
    for (const Learner& learner : learners)
      for (const std::uint32_t slot : learner.slots) rows_[learner.estimator].push_back(cells[slot].number);
  }
} catch (const Error& error) {
  log::warning("kernels are not timed on the rows that the model keeps", {{"reason", error.what()}});
  rows_.clear();
}

}  // namespace kolosal::infer
