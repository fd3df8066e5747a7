#include "kolosal/automl/validation_plan.hpp"

#include <algorithm>
#include <numeric>

#include "kolosal/core/random.hpp"

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

/// Of a timed run.
double rows_per_thread_second(const Problem& problem, const RunOptions& options, std::size_t n_threads) {
  return static_cast<double>(problem.n_rows()) / (*options.time_budget_s * static_cast<double>(n_threads));
}

}  // namespace

pipeline::SplitPlan validation_plan(const Problem& problem, std::size_t n_columns, const RunOptions& options,
                                    std::size_t n_threads) {
  auto plan = pipeline::plan_for_size(problem.n_rows(), n_columns, problem.target_view());
  plan.groups = problem.groups;
  plan.times = problem.times;
  if (plan.kind != SplitKind::kHoldOut && options.time_budget_s) {
    // Few seconds for many rows: one split and a refit give more than folds that can not finish.
    if (rows_per_thread_second(problem, options, n_threads) > 1500) plan.kind = SplitKind::kHoldOut;
  }
  // Every rung predicts all validation rows.
  if (options.time_budget_s && *options.time_budget_s < 20) plan.max_valid_rows = 20'000;
  if (plan.kind == SplitKind::kHoldOut && problem.n_rows() < 50'000)
    plan.valid_share = std::max(plan.valid_share, 0.2);
  choose_folds(options, plan);
  return plan;
}

std::vector<pipeline::Split> further_splits(const Problem& problem, pipeline::SplitPlan plan,
                                            const RunOptions& options, std::size_t n_threads) {
  constexpr double kFewRows = 10;  // for each second of a thread
  const bool is_told = options.n_folds || options.n_repeats;
  const bool is_bound = options.constraints.wants_one_fit();
  if (plan.kind != SplitKind::kRepeatedKFold || !plan.times.empty() || is_told || is_bound ||
      options.distill || !options.time_budget_s ||
      rows_per_thread_second(problem, options, n_threads) >= kFewRows)
    return {};
  std::vector<std::uint32_t> all(problem.n_rows());
  std::iota(all.begin(), all.end(), 0U);
  plan.n_repeats = 2;
  return pipeline::make_splits(problem.target_view(), all, plan,
                               derive_seed(options.seed, {"further splits"}));
}

}  // namespace kolosal::automl
