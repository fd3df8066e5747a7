#include "kolosal/automl/refit.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "kolosal/automl/proposals.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/thread_pool.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::automl {

Refit::Refit(const Stage& stage, std::size_t n_rows, std::size_t n_threads_per_fit, bool is_wished)
    : stage_(stage), n_rows_(n_rows), n_threads_per_fit_(n_threads_per_fit), is_wished_(is_wished) {}

double Refit::growth() const {
  return static_cast<double>(n_rows_) / static_cast<double>(stage_.n_train_rows);
}

bool Refit::is_worth_it() const {
  constexpr double kMinGrowth = 1.08;  // a refit on hardly more rows gains nothing
  // Each quantile has stopped after rounds of its own, of which the mean alone is known.
  const bool has_rounds = stage_.y.quantiles.size() < 2;
  return is_wished_ || (stage_.splits.size() == 1 && growth() >= kMinGrowth && has_rounds);
}

double Refit::expected_s(const std::vector<TrialResult>& members, std::size_t n_threads) const {
  if (!is_worth_it()) return 0;
  const bool side_by_side = n_threads_per_fit_ == 1;
  const std::size_t n_cells = stage_.base.n_rows() * stage_.base.n_columns();
  double sum = 0, longest = 0;
  for (const TrialResult& member : members) {
    if (member.rung != stage_.rung) continue;
    // Features fitted within the fold are made and binned again.
    const double bin_s = expected_bin_s(member.candidate.estimator, n_cells);
    const double fit_s = member.seconds / n_folds();
    sum += fit_s + bin_s * static_cast<double>(n_threads_per_fit_);
    longest = std::max(longest, fit_s + bin_s);
  }
  const double even_s = sum / static_cast<double>(n_threads);
  return 1.2 * growth() * (side_by_side ? std::max(even_s, longest) : even_s);
}

std::map<std::size_t, artifact::Node> Refit::run(const Blend& blend, const std::vector<TrialResult>& results,
                                                 const Context& context,
                                                 const std::function<void(std::string)>& note) const {
  std::map<std::size_t, artifact::Node> out;
  std::vector<std::size_t> members;
  for (const std::size_t i : blend.trials)
    if (results[i].rung == stage_.rung && results[i].candidate.estimator != "constant") members.push_back(i);
  // The dearest first, so that the threads end together.
  std::ranges::stable_sort(members, std::greater(), [&](std::size_t k) { return results[k].seconds; });
  std::mutex mutex;
  auto refit_one = [&](std::size_t i) {
    const TrialResult& trial = results[members[i]];
    // What it took before, with a margin; a refit that can not end in time is not begun.
    const double fit_s = growth() * trial.seconds / n_folds() / static_cast<double>(n_threads_per_fit_);
    const double bin_s =
        expected_bin_s(trial.candidate.estimator, stage_.base.n_rows() * stage_.base.n_columns());
    if (bin_s + 1.1 * fit_s > context.deadline.remaining_s()) return;
    Candidate candidate = trial.candidate;
    // A network's schedule is made for its number of epochs and stays as it is.
    const auto& info = model::estimator_info(candidate.estimator);
    const bool counts_trees =
        std::ranges::find(info.params, "n_estimators", &ParamSpec::name) != info.params.end();
    if (info.has_rounds && counts_trees && trial.mean_rounds > 0)
      candidate.params["n_estimators"] = static_cast<std::int64_t>(std::lround(trial.mean_rounds * growth()));
    Context fit_context = context.with_seed(derive_seed(context.seed, {"refit", trial.number}));
    fit_context.n_threads = n_threads_per_fit_;
    try {
      FoldResult fitted = run_refit(candidate, *stage_.store, stage_.y, fit_context);
      if (fitted.cut_short) return;  // the hold-out model is better than half a refit
      const std::lock_guard lock(mutex);
      out.emplace(members[i], std::move(fitted.pipeline));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBudget)
        note(fmt::format("{} was not refitted: {}", trial.candidate.label, error.what()));
    }
  };
  if (n_threads_per_fit_ == 1 && context.pool)
    context.pool->for_each(members.size(), context.n_threads, refit_one);
  else
    for (std::size_t i = 0; i < members.size(); ++i) refit_one(i);
  return out;
}

}  // namespace kolosal::automl
