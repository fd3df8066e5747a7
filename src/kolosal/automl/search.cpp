#include "kolosal/automl/search.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/model/relative_weights.hpp"

namespace kolosal::automl {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool has_rounds(const Candidate& candidate) { return model::estimator_info(candidate.estimator).has_rounds; }

double deviation(const std::vector<double>& values) {
  if (values.size() < 2) return kNaN;
  double mean = values.front();  // exact when all are equal
  for (const double v : values) mean += (v - values.front()) / static_cast<double>(values.size());
  double sum = 0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

}  // namespace

ValidRows::ValidRows(const data::TargetView& all, const std::vector<pipeline::Split>& splits)
    : position(all.values.size(), -1) {
  for (const auto& split : splits)
    for (const std::uint32_t row : split.valid) position[row] = 0;
  for (std::size_t row = 0; row < position.size(); ++row) {
    if (position[row] < 0) continue;
    position[row] = static_cast<std::int32_t>(rows.size());
    rows.push_back(static_cast<std::uint32_t>(row));
    target.push_back(all.values[row]);
    if (!all.weights.empty()) weights.push_back(all.weights[row]);
  }
  loss_y = y = {all.task, target, weights, all.n_classes, all.quantiles};
}

void ValidRows::use_relative_losses() {
  loss_weights = model::relative_weights(y);
  loss_y.weights = loss_weights;
}

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
  std::vector<double> out(splits_.size(), std::numeric_limits<double>::infinity());
  const std::size_t width = y_.n_outputs();
  for (std::size_t k = 0; best && k < splits_.size(); ++k) {
    std::vector<double> target, weights, prediction;
    for (const std::uint32_t row : splits_[k].valid) {
      const auto at = static_cast<std::size_t>(valid_.position[row]);
      target.push_back(y_.values[row]);
      if (!y_.weights.empty()) weights.push_back(y_.weights[row]);
      const auto cells = std::span(best->prediction).subspan(at * width, width);
      prediction.insert(prediction.end(), cells.begin(), cells.end());
    }
    out[k] = metric::training_loss({y_.task, target, weights, y_.n_classes, y_.quantiles}, prediction);
  }
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

TrialResult Search::summarize(std::size_t number, const Running& trial, std::size_t rung) const {
  TrialResult out;
  out.number = number;
  out.rung = rung;
  out.candidate = trial.candidate;
  const std::size_t width = y_.n_outputs();
  out.prediction.assign(valid_.rows.size() * width, 0.0);
  std::vector<double> n_seen(valid_.rows.size(), 0.0);
  std::vector<double> scores;
  for (std::size_t k = 0; k < splits_.size(); ++k) {
    const FoldResult& fold = *trial.folds[k];
    const auto& rows = splits_[k].valid;
    std::vector<double> target, weights;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto at = static_cast<std::size_t>(valid_.position[rows[i]]);
      n_seen[at] += 1;
      for (std::size_t j = 0; j < width; ++j)
        out.prediction[at * width + j] += fold.prediction[i * width + j];
      target.push_back(y_.values[rows[i]]);
      if (!y_.weights.empty()) weights.push_back(y_.weights[rows[i]]);
    }
    scores.push_back(
        metric_.compute({y_.task, target, weights, y_.n_classes, y_.quantiles}, fold.prediction));
    out.seconds += fold.seconds;
    out.predict_us_per_row += 1e6 * fold.predict_s;
    out.mean_rounds += static_cast<double>(fold.n_rounds) / static_cast<double>(splits_.size());
    out.cut_short |= fold.cut_short;
    out.paused |= fold.paused;
    if (out.note.empty()) out.note = fold.note;
  }
  for (std::size_t i = 0; i < n_seen.size(); ++i)
    for (std::size_t j = 0; j < width; ++j) out.prediction[i * width + j] /= n_seen[i];
  out.loss = metric::training_loss(valid_.loss_y, out.prediction);
  out.score = metric_.compute(valid_.y, out.prediction);
  out.score_deviation = deviation(scores);
  out.fold_scores = std::move(scores);
  if (out.cut_short && out.note.empty()) out.note = "stopped by the deadline";
  if (!std::isfinite(out.loss)) throw Error(ErrorCode::kData, "its predictions are not finite");
  return out;
}

void Search::finish(std::size_t number, Running trial, std::size_t rung) {
  if (trial.is_unfinished) return;
  if (!trial.failure.empty()) return fail(number, trial.candidate, trial.failure, rung);
  TrialResult out;
  try {
    out = summarize(number, trial, rung);
  } catch (const Error& error) {
    return fail(number, trial.candidate, error.what(), rung);  // a learner whose predictions are not finite
  }
  std::vector<FoldResult> folds;
  for (auto& fold : trial.folds) folds.push_back(std::move(*fold));
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
