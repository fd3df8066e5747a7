#include "kolosal/automl/validation_plan.hpp"

#include <algorithm>

namespace kolosal::automl {
namespace {

using pipeline::SplitKind;

/// As the user wants them.
void choose_folds(const RunOptions& options, pipeline::SplitPlan& plan) {
  if (!options.n_folds && !options.n_repeats) return;
  plan.n_folds = options.n_folds.value_or(std::max<std::size_t>(plan.n_folds, 2));
  plan.n_repeats = options.n_repeats.value_or(1);
  plan.kind = plan.n_folds == 1     ? SplitKind::kHoldOut
              : plan.n_repeats == 1 ? SplitKind::kKFold
                                    : SplitKind::kRepeatedKFold;
}

}  // namespace

pipeline::SplitPlan validation_plan(const Problem& problem, std::size_t n_columns, const RunOptions& options,
                                    std::size_t n_threads) {
  auto plan = pipeline::plan_for_size(problem.n_rows(), n_columns, problem.target_view());
  plan.groups = problem.groups;
  plan.times = problem.times;
  if (plan.kind != SplitKind::kHoldOut && options.time_budget_s) {
    // Few seconds for many rows: one split and a refit give more than folds that can not finish.
    const double rows_per_second =
        static_cast<double>(problem.n_rows()) / (*options.time_budget_s * static_cast<double>(n_threads));
    if (rows_per_second > 1500) plan.kind = SplitKind::kHoldOut;
    // Time that the search of a small table would not use: members of more folds, and surer choices.
    if (plan.kind == SplitKind::kRepeatedKFold && rows_per_second < 10) plan.n_repeats = 4;
  }
  // Every rung predicts all validation rows.
  if (options.time_budget_s && *options.time_budget_s < 20) plan.max_valid_rows = 20'000;
  if (plan.kind == SplitKind::kHoldOut && problem.n_rows() < 50'000)
    plan.valid_share = std::max(plan.valid_share, 0.2);
  choose_folds(options, plan);
  return plan;
}

}  // namespace kolosal::automl
