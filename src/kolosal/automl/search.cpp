#include "kolosal/automl/search.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::automl {
namespace {

bool has_rounds(const Candidate& candidate) { return model::estimator_info(candidate.estimator).has_rounds; }

}  // namespace

Search::Search(FeatureStore& store, const data::TargetView& y, const std::vector<pipeline::Split>& splits,
               const ValidRows& valid, const metric::Metric& metric, RunStore& run_store,
               SearchListener listener)
    : store_(store),
      y_(y),
      splits_(splits),
      valid_(valid),
      metric_(metric),
      run_store_(run_store),
      listener_(std::move(listener)) {}

void Search::add_known(TrialResult result) {
  ended_[result.number] = true;
  results_.push_back(std::move(result));
  std::ranges::sort(results_, {}, &TrialResult::number);
}

void Search::add_known_failure(std::size_t number) { ended_[number] = false; }

std::vector<TrialResult> Search::snapshot() const {
  const std::lock_guard lock(mutex_);
  return results_;
}

std::size_t Search::n_ended() const {
  const std::lock_guard lock(mutex_);
  return ended_.size();
}

bool Search::is_settled_before(std::size_t number) const {
  return std::ranges::none_of(running_, [&](const auto& entry) { return entry.first < number; });
}

std::vector<double> Search::losses_to_reach(const std::vector<TrialResult>& known) const {
  const TrialResult* best = nullptr;
  for (const TrialResult& result : known)
    if (has_rounds(result.candidate) && (!best || result.loss < best->loss)) best = &result;
  std::vector<double> out;
  for (const FoldLoss& loss : fold_losses_)
    out.push_back(best ? loss.of_all(best->prediction) : std::numeric_limits<double>::infinity());
  return out;
}

std::optional<Search::FoldTask> Search::next_task(std::unique_lock<std::mutex>& lock,
                                                  const Proposer& proposer, const Limits& limits,
                                                  const Context& context) {
  std::optional<std::size_t> silent_at;  // the number for which the proposer had nothing to say
  for (;;) {
    const Deadline deadline = limits.deadline();
    if (broken_ || deadline.passed() || (context.cancel && context.cancel->is_cancelled())) {
      pending_.clear();
      return {};
    }
    if (!pending_.empty()) {
      const FoldTask task = pending_.front();
      pending_.pop_front();
      return task;
    }
    while (ended_.contains(next_number_)) ++next_number_;
    const std::size_t number = next_number_;
    if (exhausted_ || (limits.n_trials && number >= *limits.n_trials)) return {};
    std::size_t known_below = number < kLag ? 0 : number - kLag + 1;
    if (silent_at == number) known_below = number;
    if (!is_settled_before(known_below)) {
      changed_.wait_for(lock, std::chrono::milliseconds(20));
      continue;
    }
    std::vector<TrialResult> known;
    for (const TrialResult& result : results_)
      if (result.number < known_below) known.push_back(result);
    auto candidate = proposer(number, known);
    if (!candidate) {
      if (known_below < number) {
        silent_at = number;
        continue;
      }
      exhausted_ = true;
      return {};
    }
    ++next_number_;
    auto to_reach = has_rounds(*candidate) ? losses_to_reach(known) : std::vector<double>();
    Running trial{std::move(*candidate), std::move(to_reach), {}, splits_.size(), {}, false};
    trial.folds.resize(splits_.size());
    for (std::size_t fold = 0; fold < splits_.size(); ++fold) pending_.push_back({number, fold});
    if (listener_.started) listener_.started(number, trial.candidate);
    running_.emplace(number, std::move(trial));
  }
}

void Search::run_task(const FoldTask& task, const Limits& limits, const Context& context) {
  Context fit_context = context;
  fit_context.deadline = limits.deadline();
  fit_context.n_threads = limits.threads_per_fit;
  Candidate candidate;
  Rivalry rivalry{.trial = task.number, .paused = &paused_};
  {
    const std::lock_guard lock(mutex_);
    const Running& trial = running_.at(task.number);
    candidate = trial.candidate;
    if (!trial.losses_to_reach.empty()) rivalry.loss_to_reach = trial.losses_to_reach[task.fold];
    rivalry.loss = std::cref(fold_losses_[task.fold]);
  }
  const std::size_t begun_as = candidate.continues.value_or(task.number);
  fit_context.seed = derive_seed(context.seed, {"trial", begun_as, "fold", task.fold});
  std::optional<FoldResult> result;
  std::string failure;
  bool is_unfinished = false;
  try {
    result = run_fold(candidate, task.fold, store_, y_, fit_context, rivalry);
    is_unfinished = result->cut_short && context.cancel && context.cancel->is_cancelled();
  } catch (const Error& error) {
    failure = error.what();
    is_unfinished = error.code() == ErrorCode::kBudget;
  } catch (const std::bad_alloc&) {
    failure = "not enough memory";
  }
  if (result && !is_unfinished) run_store_.save_pipeline(limits.rung, task.number, task.fold, *result);
  std::unique_lock lock(mutex_);
  Running& trial = running_.at(task.number);
  trial.is_unfinished |= is_unfinished;
  if (result)
    trial.folds[task.fold] = std::move(result);
  else if (trial.failure.empty())
    trial.failure = failure;
  if (--trial.n_left > 0) return;
  Running whole = std::move(trial);
  lock.unlock();
  finish(task.number, std::move(whole), limits.rung);
  lock.lock();
  running_.erase(task.number);
  changed_.notify_all();
}

void Search::fail(std::size_t number, const Candidate& candidate, const std::string& why, std::size_t rung) {
  run_store_.save_failure(rung, number, candidate, why);
  const std::lock_guard lock(mutex_);
  ended_[number] = false;
  if (listener_.failed) listener_.failed(number, candidate, why);
}

void Search::finish(std::size_t number, Running trial, std::size_t rung) {
  if (trial.is_unfinished) return;
  if (!trial.failure.empty()) return fail(number, trial.candidate, trial.failure, rung);
  std::vector<FoldResult> folds;
  for (auto& fold : trial.folds) folds.push_back(std::move(*fold));
  TrialResult out;
  try {
    out = summarize_folds(trial.candidate, folds, splits_, valid_, y_, metric_);
    out.number = number;
    out.rung = rung;
  } catch (const Error& error) {
    return fail(number, trial.candidate, error.what(), rung);  // a learner whose predictions are not finite
  }
  run_store_.save_trial(out, folds);
  const std::lock_guard lock(mutex_);
  ended_[number] = true;
  results_.insert(std::ranges::lower_bound(results_, number, {}, &TrialResult::number), out);
  if (listener_.ended) listener_.ended(out);
}

void Search::work(const Proposer& proposer, const Limits& limits, const Context& context) try {
  for (;;) {
    std::unique_lock lock(mutex_);
    const auto task = next_task(lock, proposer, limits, context);
    if (!task) return;
    lock.unlock();
    run_task(*task, limits, context);
    if (listener_.between && between_mutex_.try_lock()) {
      const std::lock_guard between(between_mutex_, std::adopt_lock);
      listener_.between();
    }
  }
} catch (...) {
  const std::lock_guard lock(mutex_);
  broken_ = true;
  changed_.notify_all();
  throw;
}

void Search::run(const Proposer& proposer, const Limits& limits, const Context& context) {
  exhausted_ = broken_ = false;
  paused_.set_max_bytes(limits.paused_bytes);
  fold_losses_.clear();
  for (const pipeline::Split& split : splits_) fold_losses_.emplace_back(valid_, split.valid);
  const std::size_t n_workers = std::max<std::size_t>(1, context.n_threads / limits.threads_per_fit);
  auto body = [&](std::size_t) { work(proposer, limits, context); };
  if (context.pool && n_workers > 1)
    context.pool->for_each(n_workers, n_workers, body);
  else
    body(0);
  pending_.clear();
  running_.clear();
  paused_.clear();
}

}  // namespace kolosal::automl
