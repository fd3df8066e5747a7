#include "kolosal/automl/run.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/automl/affordable_rows.hpp"
#include "kolosal/automl/aligned_portfolio.hpp"
#include "kolosal/automl/assembly.hpp"
#include "kolosal/automl/base_table.hpp"
#include "kolosal/automl/best_checkpoint.hpp"
#include "kolosal/automl/class_weighting.hpp"
#include "kolosal/automl/distillation.hpp"
#include "kolosal/automl/kept_rows.hpp"
#include "kolosal/automl/lighter_blend.hpp"
#include "kolosal/automl/manifest.hpp"
#include "kolosal/automl/memory_need.hpp"
#include "kolosal/automl/more_folds.hpp"
#include "kolosal/automl/proposals.hpp"
#include "kolosal/automl/refit.hpp"
#include "kolosal/automl/run_keeper.hpp"
#include "kolosal/automl/run_record.hpp"
#include "kolosal/automl/stage.hpp"
#include "kolosal/automl/validation_plan.hpp"
#include "kolosal/automl/warm_start.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/pipeline/kept_rows.hpp"

namespace kolosal::automl {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Above this many cells a fit gets all threads; below, fits run side by side.
constexpr std::size_t kCellsForThreadsInside = 4'000'000;

/// Of the time budget.
constexpr double kDistillationShare = 0.3;

/// Seconds for the moves of the last blend, and again for the intervals of the scores.
double polish_seconds(double time_budget_s) { return std::min(2.0, 0.01 * time_budget_s); }

/// One run, phase by phase.
class Run {
 public:
  Run(const data::Frame& table, const RunOptions& options, const Context& context, const EventSink& sink);
  RunResult execute();

 private:
  void tell(Event event);
  void keep(const Event& event);
  void tell_all(std::vector<std::string> notes);
  void phase(const std::string& name);
  void prepare();
  void open_run_store();
  void run_baseline();
  bool has_time_for(const Stage& stage) const;
  void search_stages();
  void search_stage(Stage& stage, std::vector<Candidate> portfolio, bool is_last);
  std::vector<Candidate> warmed(std::vector<Candidate> portfolio);
  LateFits fit_late(const Blend& blend, const std::vector<TrialResult>& results);
  void write_model(const Blend& blend, const std::vector<TrialResult>& results, const LateFits& late,
                   bool is_final);
  void maybe_checkpoint();
  void checkpoint(const std::vector<TrialResult>& results);
  void add_note(std::string text);
  void explain_baseline();
  RunResult finish();

  std::optional<Blend> distilled(std::vector<TrialResult>& known, const Context& blend_context,
                                 LateFits& fitted);
  Excess excess_of_file() const;
  Blend polished(Blend blend, const std::vector<TrialResult>& known, const BlendLimits& limits,
                 Context context) const;
  Blend choose_within_limits(const std::vector<TrialResult>& known, const Context& context);
  double reserve_s() const;
  double keeping_patience_s(bool is_hurried) const;
  Refit refit_of_last_stage() const;
  double late_fits_estimate_s() const;
  std::size_t threads_per_fit(const Stage& stage) const;
  Deadline fit_deadline() const;
  Context quiet_context() const;
  Context context_before_reserve() const;
  BlendLimits blend_limits(double share) const { return limits_of_blend(options_, splits_.size(), share); }
  std::vector<TrialResult> results() const;
  std::string validation_name() const;
  bool is_hold_out() const { return splits_.size() == 1; }
  bool is_timed() const { return options_.time_budget_s.has_value(); }

  const RunOptions& options_;
  const Context& context_;
  const EventSink& sink_;
  std::mutex sink_mutex_;
  std::string phase_;
  // Written by the threads of the search, read by every event.
  std::atomic<double> best_score_ = kNaN;
  std::atomic<std::size_t> n_done_ = 0;
  std::atomic<std::size_t> n_failed_ = 0;

  Problem problem_;
  data::TargetView y_;
  std::optional<data::Frame> kept_rows_;  // what the user wants to be in the model
  std::uint64_t fingerprint_ = 0;
  transform::RecipePlan base_plan_;
  transform::Recipe base_recipe_;
  data::Frame base_;
  std::vector<pipeline::Split> splits_;
  MemoryShares memory_ = {};
  std::shared_ptr<FeatureCache> feature_cache_;
  std::vector<std::unique_ptr<Stage>> stages_;
  std::unique_ptr<MoreFolds> more_folds_;  // null: none are wished
  std::unique_ptr<RunStore> run_store_;
  std::vector<std::unique_ptr<Search>> searches_;
  std::vector<std::string> warm_start_runs_;
  bool resumed_ = false;
  bool is_anything_to_try_ = true;
  std::unique_ptr<RunKeeper> keeper_;
  std::vector<Event> early_events_;  // before there was a store
  double seconds_before_ = 0;

  mutable std::mutex checkpoint_mutex_;
  double last_checkpoint_s_ = -kInfinity;
  double checkpoint_cost_s_ = 0;
  std::size_t n_at_checkpoint_ = 0;
  std::vector<TrialResult> last_blend_members_;
  BestCheckpoint best_checkpoint_;
};

Run::Run(const data::Frame& table, const RunOptions& options, const Context& context, const EventSink& sink)
    : options_(options), context_(context), sink_(sink), problem_(make_problem(table, options.problem)) {
  check_constraints(options.constraints, problem_);
  class_weight_rule(options.class_weight, problem_);
  y_ = problem_.target_view();
  fingerprint_ = problem_.fingerprint();
  if (options.n_kept_rows > 0) kept_rows_ = kept_rows_of(table, options, problem_);
}

void Run::keep(const Event& event) {
  using Kind = Event::Kind;
  if (event.kind == Kind::kTrialStart || event.kind == Kind::kTrialEnd || event.kind == Kind::kTick) return;
  if (run_store_)
    run_store_->add_event(event);
  else
    early_events_.push_back(event);
}

void Run::tell_all(std::vector<std::string> notes) {
  for (std::string& text : notes) tell({.kind = Event::Kind::kNote, .message = std::move(text)});
}

void Run::tell(Event event) {
  const std::lock_guard lock(sink_mutex_);
  event.phase = phase_;
  event.metric = problem_.metric->name;
  event.n_trials_done = n_done_;
  event.n_trials_planned = options_.n_trials.value_or(0);
  event.best_score = best_score_;
  event.elapsed_s = Clock::system().now_s();
  event.remaining_s = context_.deadline.remaining_s();
  keep(event);
  if (sink_) sink_(event);
}

void Run::phase(const std::string& name) {
  phase_ = name;
  tell({.kind = Event::Kind::kPhase, .message = name});
}

Context Run::quiet_context() const {
  Context out = context_;
  out.cancel = nullptr;
  out.deadline = Deadline();
  return out;
}

/// For what is fitted at the end: the model must still be written in time.
Context Run::context_before_reserve() const {
  Context out = context_.with_seed(options_.seed);
  if (is_timed())
    out.deadline = {Clock::system(), Clock::system().now_s() + context_.deadline.remaining_s() - reserve_s()};
  return out;
}

std::vector<TrialResult> Run::results() const {
  std::vector<TrialResult> out;
  for (const auto& search : searches_) {
    auto part = search->snapshot();
    std::ranges::move(part, std::back_inserter(out));
  }
  return out;
}

// ---- time ------------------------------------------------------------

/// For the last words to a server.
double Run::keeping_patience_s(bool is_hurried) const {
  constexpr double kHurried_s = 2, kPatient_s = 10;
  return std::min(is_hurried ? kHurried_s : kPatient_s, context_.deadline.remaining_s());
}

double Run::reserve_s() const {
  const std::lock_guard lock(checkpoint_mutex_);
  const double keeping_s = RunKeeper::reserve_s(options_);
  if (checkpoint_cost_s_ > 0)
    return keeping_s + 0.25 + 2 * checkpoint_cost_s_ + 2 * polish_seconds(*options_.time_budget_s);
  return keeping_s + std::max(0.4, 0.05 * *options_.time_budget_s);
}

std::string Run::validation_name() const {
  return is_hold_out() ? fmt::format("hold-out of {} rows", splits_.front().valid.size())
                       : fmt::format("{} folds", splits_.size());
}

Refit Run::refit_of_last_stage() const {
  return {*stages_.back(), problem_.n_rows(), threads_per_fit(*stages_.back()),
          options_.constraints.wants_one_fit()};
}

double Run::late_fits_estimate_s() const {
  const std::lock_guard lock(checkpoint_mutex_);
  const double refit_s = refit_of_last_stage().expected_s(last_blend_members_, context_.n_threads);
  return more_folds_ ? refit_s + more_folds_->expected_s(last_blend_members_, context_.n_threads) : refit_s;
}

std::size_t Run::threads_per_fit(const Stage& stage) const {
  return stage.n_train_rows * stage.base.n_columns() > kCellsForThreadsInside ? context_.n_threads : 1;
}

Deadline Run::fit_deadline() const {
  if (!is_timed()) return {};
  // The members of a blend that is distilled are not refitted.
  const double after_s =
      options_.distill ? kDistillationShare * *options_.time_budget_s : late_fits_estimate_s();
  const double left = context_.deadline.remaining_s() - reserve_s() - after_s;
  return {Clock::system(), Clock::system().now_s() + left};
}

// ---- phases ------------------------------------------------------------

void Run::prepare() {
  phase("prepare");
  std::vector<std::uint32_t> all(problem_.n_rows());
  std::iota(all.begin(), all.end(), 0U);
  BaseTable base = make_base_table(problem_, options_.seed, quiet_context());
  base_plan_ = std::move(base.plan);
  base_recipe_ = std::move(base.recipe);
  base_ = std::move(base.frame);
  if (options_.test_rows)
    compare_test_rows(*options_.test_rows, base_recipe_, base_, problem_,
                      quiet_context().with_seed(options_.seed));
  std::ranges::move(unread_monotone(options_.constraints, base_), std::back_inserter(problem_.notes));
  for (const std::string& note : problem_.notes) tell({.kind = Event::Kind::kNote, .message = note});
  const auto plan = validation_plan(problem_, base_.n_columns(), options_, context_.n_threads);
  splits_ = pipeline::make_splits(y_, all, plan, derive_seed(options_.seed, {"splits"}));
  memory_ = share_memory(context_.memory_limit_bytes, problem_.features.n_bytes());
  const std::size_t n_train = splits_.front().train.size();
  const auto rungs = rung_sizes(n_train, base_.n_columns(), is_hold_out());
  feature_cache_ = std::make_shared<FeatureCache>(memory_.cache);
  for (std::size_t rung = 0; rung < rungs.size(); ++rung)
    stages_.push_back(
        make_stage(rung, rungs[rung], base_, y_, splits_, feature_cache_, options_.seed, quiet_context(),
                   is_timed() ? *options_.time_budget_s * static_cast<double>(context_.n_threads)
                              : kThreadSecondsOfTrials));
  if (auto splits = further_splits(problem_, plan, options_, context_.n_threads); !splits.empty())
    more_folds_ = std::make_unique<MoreFolds>(*stages_.back(), std::move(splits));
  if (problem_.has_relative_errors)
    for (const auto& stage : stages_) stage->valid->use_relative_losses();
}

void Run::open_run_store() {
  const auto folder = options_.run_folder();
  const RunIdentity identity = run_identity(options_, problem_, fingerprint_, splits_.size(), stages_.size());
  resumed_ = options_.resume && RunStore::exists(folder);
  run_store_ = std::make_unique<RunStore>(resumed_ ? RunStore::open(folder, identity)
                                                   : RunStore::create(folder, identity));
  record_start(*run_store_, options_, problem_, *stages_.back(), context_);
  for (const Event& event : early_events_) run_store_->add_event(event);
  record_plan(*run_store_, base_plan_, stages_);
  keeper_ = std::make_unique<RunKeeper>(*run_store_, options_);
  tell_all(keeper_->begin());
  for (const auto& stage : stages_) {
    SearchListener listener;
    listener.started = [this](std::size_t number, const Candidate& candidate) {
      tell({.kind = Event::Kind::kTrialStart, .message = candidate.label, .trial = number});
    };
    listener.ended = [this](const TrialResult& result) {
      if (result.candidate.estimator != "constant") ++n_done_;
      if (std::isnan(best_score_) ||
          problem_.metric->utility(result.score) > problem_.metric->utility(best_score_))
        best_score_ = result.score;
      tell({.kind = Event::Kind::kTrialEnd,
            .message = result.candidate.label,
            .note = result.note,
            .trial = result.number,
            .score = result.score});
    };
    listener.failed = [this](std::size_t number, const Candidate& candidate, const std::string& why) {
      ++n_failed_;
      tell({.kind = Event::Kind::kTrialSkipped, .message = candidate.label, .note = why, .trial = number});
    };
    listener.between = [this] { maybe_checkpoint(); };
    searches_.push_back(std::make_unique<Search>(*stage->store, stage->y, stage->splits, *stage->valid,
                                                 *problem_.metric, *run_store_, std::move(listener)));
  }
  if (!resumed_) return;
  seconds_before_ = run_store_->seconds_used();
  for (TrialResult& result : run_store_->trials()) {
    if (result.candidate.estimator != "constant") ++n_done_;
    if (std::isnan(best_score_) ||
        problem_.metric->utility(result.score) > problem_.metric->utility(best_score_))
      best_score_ = result.score;
    searches_.at(result.rung)->add_known(std::move(result));
  }
  for (const auto& failure : run_store_->failures()) {
    searches_.at(failure.rung)->add_known_failure(failure.number);
    ++n_failed_;
  }
  tell({.kind = Event::Kind::kNote, .message = fmt::format("resumed with {} trials already done", n_done_)});
}

void Run::run_baseline() {
  Search::Limits limits;
  limits.n_trials = 1;
  limits.deadline = [] { return Deadline(); };
  searches_.front()->run([](std::size_t, const std::vector<TrialResult>&) { return constant_candidate(); },
                         limits, quiet_context().with_seed(options_.seed));
  if (n_at_checkpoint_ == 0 && (!resumed_ || !std::filesystem::exists(options_.output)))
    checkpoint(results());
}

/// What earlier runs found best comes early.
std::vector<Candidate> Run::warmed(std::vector<Candidate> portfolio) {
  if (options_.warm_start.empty()) return portfolio;
  const double patience_s = is_timed() ? std::min(0.5, 0.02 * *options_.time_budget_s) : kInfinity;
  WarmStart warm =
      make_warm_start(*run_store_, options_, {stages_.front()->shape, stages_.front()->views, base_.names()},
                      {Clock::system(), Clock::system().now_s() + patience_s});
  for (std::string& note : warm.notes) tell({.kind = Event::Kind::kNote, .message = std::move(note)});
  for (const auto& [candidate, why] : warm.left_out)
    tell({.kind = Event::Kind::kTrialSkipped, .message = candidate.label, .note = why});
  warm_start_runs_ = std::move(warm.runs);
  return with_warm_start(std::move(portfolio), std::move(warm.candidates));
}

void Run::search_stage(Stage& stage, std::vector<Candidate> portfolio, bool is_last) {
  Search& search = *searches_[stage.rung];
  Search::Limits limits;
  limits.rung = stage.rung;
  limits.threads_per_fit = threads_per_fit(stage);
  const double stage_end_s =
      is_last ? kInfinity : Clock::system().now_s() + 0.2 * fit_deadline().remaining_s();
  limits.deadline = [this, stage_end_s] {
    const Deadline fit = fit_deadline();
    if (!fit.is_set() || n_done_ == 0)
      return fit;  // a rung may take all the time until there is a first model
    return Deadline(Clock::system(), Clock::system().now_s() +
                                         std::min(fit.remaining_s(), stage_end_s - Clock::system().now_s()));
  };

  // A view that made sense for the rows of a lower rung may make none for these.
  std::erase_if(portfolio, [&](const Candidate& candidate) {
    return std::ranges::find(stage.views, candidate.view, &View::name) == stage.views.end();
  });
  const std::size_t first = stage.rung == 0 ? 1 : 0;  // the baseline has number 0 in the first stage
  Proposals::Settings settings;
  settings.seed = derive_seed(options_.seed, {"proposals", stage.rung});
  settings.n_parallel = context_.n_threads;
  settings.n_cells = stage.base.n_rows() * stage.base.n_columns();
  limits.paused_bytes = share_of_paused(memory_.fits);
  settings.fit_bytes =
      (memory_.fits - limits.paused_bytes) / (limits.threads_per_fit == 1 ? context_.n_threads : 1);
  if (stage.rung > 0)
    settings.seconds_per_cost = seconds_per_cost(searches_[stage.rung - 1]->snapshot(),
                                                 stages_[stage.rung - 1]->n_train_rows, stage.n_train_rows);
  keep_within(portfolio, settings.n_cells, settings.fit_bytes);
  settings.views = constrained_views(interchangeable_views(stage.views), options_.constraints);
  std::erase_if(settings.views, [&](const std::string& view) {
    return expected_bytes({.estimator = "lightgbm", .view = view}, settings.n_cells) > settings.fit_bytes;
  });
  settings.remaining_s = [limits, this] { return is_timed() ? limits.deadline().remaining_s() : kInfinity; };
  settings.skipped = [this](const Candidate& candidate, const std::string& why) {
    tell({.kind = Event::Kind::kTrialSkipped, .message = candidate.label, .note = why});
  };
  if (is_timed() && options_.preset != Preset::kBest) settings.patience = stage.n_train_rows < 1000 ? 8 : 30;
  if (!is_last) settings.patience = 1;
  settings.blend_loss = [&, this](std::span<const TrialResult> known) {
    Context context = quiet_context();
    context.n_threads = 1;
    return quick_blend_loss(known, *stage.valid, blend_limits(1).max_members,
                            context.with_seed(derive_seed(options_.seed, {"blend"})));
  };
  if (first == 1) portfolio.insert(portfolio.begin(), constant_candidate());
  if (options_.n_trials) {
    if (n_done_ + n_failed_ >= *options_.n_trials) return;
    const std::size_t elsewhere = n_done_ + n_failed_ + first - search.n_ended();
    const std::size_t left = *options_.n_trials - elsewhere;
    // A lower rung leaves at least half of the trials to those above.
    limits.n_trials = first + (is_last ? left : std::min(portfolio.size() - first, (left + 1) / 2));
  } else if (!is_last) {
    limits.n_trials = portfolio.size();
  }
  Proposals proposals(std::move(portfolio), settings);
  Context context = context_.with_seed(derive_seed(options_.seed, {"stage", stage.rung}));
  search.run(std::ref(proposals), limits, context);
}

bool Run::has_time_for(const Stage& stage) const {
  if (!is_timed()) return true;
  const double bin_s = expected_bin_s("lightgbm", stage.base.n_rows() * stage.base.n_columns());
  return fit_deadline().remaining_s() > 2 * (1 + 2 * bin_s);
}

void Run::search_stages() {
  phase("search");
  std::vector<Candidate> portfolio = available(
      aligned_portfolio(warmed(constrained_portfolio(stages_.front()->shape, options_.constraints,
                                                     base_.names(), !options_.exclude_models.empty())),
                        problem_),
      options_.exclude_models,
      [this](std::string message) { tell({.kind = Event::Kind::kNote, .message = std::move(message)}); });
  is_anything_to_try_ = !portfolio.empty();
  portfolio = with_class_weights(std::move(portfolio), class_weight_rule(options_.class_weight, problem_),
                                 problem_.task);
  for (std::size_t rung = 0; rung < stages_.size(); ++rung) {
    if (rung > 0) portfolio = promoted(searches_[rung - 1]->snapshot());
    const bool is_last = rung + 1 == stages_.size() || !has_time_for(*stages_[rung + 1]);
    search_stage(*stages_[rung], portfolio, is_last);
    if (is_last || (context_.cancel && context_.cancel->is_cancelled())) return;
  }
}

void Run::maybe_checkpoint() {
  run_store_->set_seconds_used(seconds_before_ + Clock::system().now_s());
  tell_all(keeper_->changed());
  const auto known = results();
  const double now = Clock::system().now_s();
  const double pause_s = is_timed() ? std::max(1.0, 0.08 * *options_.time_budget_s) : 5.0;
  const bool is_first = n_at_checkpoint_ <= 1 && known.size() > 1;
  if (known.size() <= n_at_checkpoint_ || (!is_first && now - last_checkpoint_s_ < pause_s)) return;
  if (is_timed() && context_.deadline.remaining_s() < 3 * reserve_s())
    return;  // the end is near: the last one is written there
  checkpoint(known);
}

void Run::checkpoint(const std::vector<TrialResult>& known) {
  const double start = Clock::system().now_s();
  Context context = quiet_context();
  context.n_threads = 1;
  const Blend blend = choose_blend(known, *stages_.front()->valid, *problem_.metric, blend_limits(1),
                                   context.with_seed(derive_seed(options_.seed, {"blend"})));
  write_model(blend, known, {}, false);
  if (is_timed()) best_checkpoint_.see(blend, known, *problem_.metric);  // else it would hang on the clock
  const std::lock_guard lock(checkpoint_mutex_);
  last_checkpoint_s_ = Clock::system().now_s();
  checkpoint_cost_s_ = last_checkpoint_s_ - start;
  n_at_checkpoint_ = known.size();
  last_blend_members_.clear();
  for (const std::size_t i : blend.trials) last_blend_members_.push_back(known[i]);
  for (TrialResult& member : last_blend_members_) member.prediction.clear();
  if (std::isnan(best_score_) ||
      problem_.metric->utility(blend.score) > problem_.metric->utility(best_score_))
    best_score_ = blend.score;
  tell({.kind = Event::Kind::kCheckpoint, .message = options_.output.string(), .score = blend.score});
}

LateFits Run::fit_late(const Blend& blend, const std::vector<TrialResult>& known) {
  const Refit refit = refit_of_last_stage();
  const bool is_refit = refit.is_worth_it();
  if ((!is_refit && !more_folds_) || (context_.cancel && context_.cancel->is_cancelled())) return {};
  phase("refit");
  const auto note = [this](std::string message) {
    tell({.kind = Event::Kind::kNote, .message = std::move(message)});
  };
  if (is_refit) return {refit.run(blend, known, context_before_reserve(), note), {}};
  return {{}, more_folds_->run(blend, known, context_before_reserve(), note)};
}

void Run::write_model(const Blend& blend, const std::vector<TrialResult>& known, const LateFits& late,
                      bool is_final) {
  const AssembledModel assembled = assemble(blend, known, {&problem_, &base_recipe_, &stages_}, *run_store_,
                                            late, options_.constraints.wants_one_fit(), quiet_context());
  artifact::ContainerWriter writer;
  nlohmann::json manifest = manifest_json(blend, known, problem_, fingerprint_, options_, context_.n_threads);
  manifest["validation"] = validation_name();
  manifest["refitted"] = !late.instead.empty();
  if (!warm_start_runs_.empty()) manifest["lineage"]["warm_start"] = warm_start_runs_;
  manifest["plan"] = plan_json(base_plan_, stages_,
                               [&](const std::string& view) { return assembled.model.views.contains(view); });
  writer.add_json("manifest", manifest);
  assembled.save(writer);
  if (kept_rows_) pipeline::save_kept_rows(*kept_rows_, writer);
  writer.write(options_.output, is_final);
}

Excess Run::excess_of_file() const {
  if (!options_.constraints.has_limits()) return {};
  return excess_of(options_.constraints,
                   measure_needs(options_.constraints, options_.output, problem_.features, quiet_context()));
}

/// The best that the metric says of the last blend, of the earlier ones and of moves from there.
Blend Run::polished(Blend blend, const std::vector<TrialResult>& known, const BlendLimits& limits,
                    Context context) const {
  const ValidRows& valid = *stages_.front()->valid;
  if (is_timed()) {
    // A search that ended early has left time.
    const double left_s = context_.deadline.remaining_s() - reserve_s() - late_fits_estimate_s();
    context.deadline = {Clock::system(), Clock::system().now_s() +
                                             std::max(polish_seconds(*options_.time_budget_s), 0.1 * left_s)};
  }
  blend = raised(std::move(blend), best_checkpoint_.members_among(known), known, valid, *problem_.metric,
                 limits.max_members, context);
  return best_checkpoint_.or_better(std::move(blend), known, valid, *problem_.metric, quiet_context());
}

/// For the user, now and in the result.
void Run::add_note(std::string text) {
  problem_.notes.push_back(text);
  tell({.kind = Event::Kind::kNote, .message = std::move(text)});
}

/// The blend whose model file keeps to the limits, as measured on the file.
/// @throws Error kBudget when none does; no model file is left then.
Blend Run::choose_within_limits(const std::vector<TrialResult>& known, const Context& context) {
  double share = 1;
  Excess closest{std::numeric_limits<double>::infinity(), {}};
  std::string closest_model;
  for (;;) {
    BlendLimits limits = blend_limits(share);
    if (!is_timed() || context_.deadline.remaining_s() > reserve_s() + 1) limits.care = BlendCare::kFinal;
    Blend blend = choose_blend(known, *stages_.front()->valid, *problem_.metric, limits, context);
    if (!options_.constraints.has_limits()) return polished(std::move(blend), known, limits, context);
    write_model(blend, known, {}, false);
    const Excess excess = excess_of_file();
    if (excess.ratio <= 1) {
      const bool is_baseline = known[blend.trials.front()].candidate.estimator == "constant";
      if (is_baseline && known.size() > 1)
        add_note("the model is the constant baseline: no other keeps to the limits; allow more");
      return blend;
    }
    if (excess.ratio < closest.ratio) {
      closest = excess;
      closest_model = known[blend.trials.front()].candidate.label;
    }
    constexpr double kLeastShare = 1e-4;  // by then it was the cheapest alone
    if (share < kLeastShare) break;
    // Few steps, and the last one at once when the time is nearly over.
    share *= std::clamp(0.9 / excess.ratio, 0.1, 0.6);
    if (is_timed() && context_.deadline.remaining_s() < reserve_s()) share = std::min(share, kLeastShare / 2);
  }
  std::filesystem::remove(options_.output);
  throw Error(ErrorCode::kBudget, "no model keeps to {}, with the closest ({}); allow more", closest.message,
              closest_model);
}

/// One forest in the place of the best blend, added to the results as a trial. Empty when it is not wished,
/// or the time or a limit forbids it.
std::optional<Blend> Run::distilled(std::vector<TrialResult>& known, const Context& blend_context,
                                    LateFits& fitted) {
  if (!options_.distill || (context_.cancel && context_.cancel->is_cancelled())) return {};
  phase("distill");
  BlendLimits limits = blend_limits(1);
  limits.max_latency_us = limits.max_bytes = kInfinity;  // they are for the forest
  limits.care = BlendCare::kFinal;
  const Stage& stage = distillation_stage(stages_, known);
  const Teacher teacher(choose_blend(known, *stage.valid, *problem_.metric, limits, blend_context), known,
                        stages_, *run_store_, quiet_context());
  auto made = distill(stage, teacher, known, *problem_.metric, {threads_per_fit(stage), memory_.fits},
                      context_before_reserve(), [this](std::string text) { add_note(std::move(text)); });
  if (!made) return {};
  made->blend.trials = {known.size()};
  known.push_back(std::move(made->student));
  fitted.instead.emplace(known.size() - 1, std::move(made->forest));
  write_model(made->blend, known, fitted, false);
  if (const Excess excess = excess_of_file(); excess.ratio > 1) {
    add_note(fmt::format("the blend was not distilled: the forest exceeds {}", excess.message));
    fitted.instead.clear();
    known.pop_back();
    return {};
  }
  add_note(describe(*made->blend.distillation, problem_.metric->name));
  return std::move(made->blend);
}

void Run::explain_baseline() {
  if (n_done_ > 0 || (context_.cancel && context_.cancel->is_cancelled())) return;
  add_note(why_baseline_alone(run_store_->failures(), is_anything_to_try_));
}

RunResult Run::finish() {
  explain_baseline();
  phase("ensemble");
  auto known = results();
  Context context = quiet_context().with_seed(derive_seed(options_.seed, {"blend"}));
  LateFits late;
  auto forest = distilled(known, context, late);
  const bool is_distilled = forest.has_value();
  Blend blend = is_distilled ? std::move(*forest) : choose_within_limits(known, context);
  if (is_timed())
    context.deadline = {Clock::system(), Clock::system().now_s() + polish_seconds(*options_.time_budget_s)};
  const ValidRows& valid = *stages_.front()->valid;
  if (!is_distilled) blend = lighter(std::move(blend), known, valid, *problem_.metric, context);
  add_score_intervals(blend, known, valid, *problem_.metric, context);
  if (!is_distilled) late = fit_late(blend, known);
  phase("save");
  write_model(blend, known, late, true);
  if (!is_distilled && !late.instead.empty() && excess_of_file().ratio > 1)
    write_model(blend, known, {}, true);
  run_store_->set_seconds_used(seconds_before_ + Clock::system().now_s());
  record_cache(*run_store_, *feature_cache_);

  RunResult out = result_of(blend, known, problem_);
  out.model_path = options_.output;
  out.model_bytes = std::filesystem::file_size(options_.output);
  out.validation = validation_name();
  out.n_trials = n_done_;
  out.n_failed = n_failed_;
  out.interrupted = context_.cancel && context_.cancel->is_cancelled();
  out.resumed = resumed_;
  out.run_id = run_store_->fact("id").value_or("").get<std::string>();
  out.elapsed_s = Clock::system().now_s();
  best_score_ = blend.score;
  phase("done");
  record_end(*run_store_, out);
  tell_all(keeper_->end(keeping_patience_s(out.interrupted)));
  if (options_.run_dir.empty() && !out.interrupted) run_store_->remove();
  out.elapsed_s = Clock::system().now_s();
  return out;
}

RunResult Run::execute() {
  prepare();
  open_run_store();
  try {
    run_baseline();
    search_stages();
    return finish();
  } catch (const Error& error) {
    record_failure(*run_store_, error.what());
    tell_all(keeper_->end(keeping_patience_s(true)));
    throw;
  }
}

}  // namespace

RunResult run(data::Frame table, const RunOptions& options, const Context& context, const EventSink& sink) {
  if (options.time_budget_s.has_value() == options.n_trials.has_value())
    throw Error(ErrorCode::kUsage, "give either a time budget or a number of trials");
  check_distillation(options);
  return Run(affordable_rows(std::move(table), options, context, sink), options, context, sink).execute();
}

}  // namespace kolosal::automl
