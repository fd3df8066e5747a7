#include "kolosal/automl/nested.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/automl/affordable_rows.hpp"
#include "kolosal/automl/run_keeper.hpp"
#include "kolosal/automl/run_record.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/ensemble/decision_threshold.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::automl {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// Of the time; the rest is for the predictions of the outer folds.
constexpr double kShareOfSearches = 0.97;
/// A search that has less does not come to its first model.
constexpr double kLeastSeconds = 0.5;
/// Seconds that a server has for a fold's score where there is no time budget.
constexpr double kPatienceOfTrials = 2;

/// A model's predictions as those of the whole problem, whose classes may be more.
std::vector<double> in_order_of(const Problem& problem, const pipeline::Model& model,
                                std::vector<double> prediction) {
  if (model.classes == problem.classes) return prediction;
  const auto at = [&](const std::string& name) {
    return static_cast<std::size_t>(std::ranges::find(model.classes, name) - model.classes.begin());
  };
  const bool is_one_number = model.n_outputs() == 1;  // two classes: the probability of the second
  const std::size_t n_rows = prediction.size() / model.n_outputs();
  const auto probability = [&](std::size_t row, std::size_t k) {
    if (k >= model.classes.size()) return 0.0;
    if (!is_one_number) return prediction[row * model.n_outputs() + k];
    return k == 1 ? prediction[row] : 1 - prediction[row];
  };
  std::vector<double> out;
  for (std::size_t row = 0; row < n_rows; ++row)
    for (std::size_t k = problem.task == data::Task::kBinary ? 1 : 0; k < problem.classes.size(); ++k)
      out.push_back(probability(row, at(problem.classes[k])));
  return out;
}

/// The searches of one nested validation, one after the other.
class Nested {
 public:
  Nested(data::Frame table, const RunOptions& options, const Context& context, const EventSink& sink)
      : table_(std::move(table)),
        options_(options),
        context_(context),
        sink_(sink),
        problem_(make_problem(table_, options.problem)),
        n_left_(options.n_nested + 1) {
    scores_.scores.assign(options.n_nested, kNaN);
  }

  RunResult run() {
    const auto outer = outer_splits(problem_, options_.n_nested, options_.seed);
    scores_.scores.resize(outer.size(), kNaN);  // few groups or times make fewer folds
    take_up_scores();
    RunResult result = run_of_all_rows();
    RunStore store = RunStore::attach(options_.run_folder());
    if (!result.interrupted) {
      store.set_fact("state", "running");
      for (std::size_t k = 0; k < outer.size() && !is_cancelled(); ++k) do_fold(outer[k], k, store);
    }
    result.interrupted = result.interrupted || is_cancelled();
    result.nested = scores_;
    result.elapsed_s = Clock::system().now_s();
    record_end(store, result);
    keep(store);
    if (options_.run_dir.empty() && !result.interrupted) store.remove();
    tell_done();
    return result;
  }

 private:
  bool is_cancelled() const { return context_.cancel && context_.cancel->is_cancelled(); }

  RunResult run_of_all_rows() {
    RunOptions all = part_of_budget();
    all.run_dir = options_.run_folder();  // stays until the last fold is done
    RunResult out = automl::run(table_, all, part_of_time(), [&](const Event& event) {
      last_ = event;
      const bool is_end = event.kind == Event::Kind::kPhase && event.message == "done";
      if (sink_ && !is_end) sink_(event);
    });
    --n_left_;
    return out;
  }

  /// The scores that an earlier process has come to.
  void take_up_scores() {
    if (!options_.resume || !RunStore::exists(options_.run_folder())) return;
    const auto fact = RunStore::attach(options_.run_folder()).fact("nested");
    if (!fact) return;
    NestedScores known = nested_from_json(*fact);
    if (known.scores.size() == scores_.scores.size()) scores_ = std::move(known);
    n_left_ -= scores_.n_done();
  }

  /// What is left, divided among the searches that are to come.
  double part_s() const {
    return kShareOfSearches * context_.deadline.remaining_s() / static_cast<double>(n_left_);
  }
  Context part_of_time() const {
    Context out = context_;
    if (options_.time_budget_s) out.deadline = {Clock::system(), Clock::system().now_s() + part_s()};
    return out;
  }
  RunOptions part_of_budget() const {
    RunOptions out = options_;
    if (out.time_budget_s) out.time_budget_s = part_s();
    return out;
  }

  std::filesystem::path fold_path(std::size_t k, const char* end) const {
    return options_.run_folder() / fmt::format("outer_{}{}", k + 1, end);
  }

  RunOptions inner_options(std::size_t k) const {
    RunOptions out = part_of_budget();
    out.problem.task = data::task_name(problem_.task);  // a part of the rows may look like another task
    out.problem.metric = problem_.metric->name;
    out.output = fold_path(k, ".kolosal");
    out.run_dir = fold_path(k, "");
    out.history.clear();
    out.warm_start.clear();
    out.n_nested = 0;
    out.test_rows = nullptr;
    return out;
  }

  /// The table stays in memory beside the rows of a fold.
  Context inner_context() const {
    Context out = part_of_time();
    out.memory_limit_bytes -= std::min(out.memory_limit_bytes, table_.n_bytes());
    return out;
  }

  data::Frame rows_of_table(const std::vector<std::uint32_t>& rows) const {
    std::vector<std::uint32_t> in_table;
    for (const std::uint32_t row : rows) in_table.push_back(problem_.table_row(row));
    return table_.take(in_table);
  }

  void search(const pipeline::Split& fold, RunOptions inner) const {
    try {
      automl::run(rows_of_table(fold.train), inner, inner_context(), {});
    } catch (const Error& error) {
      // What an earlier process left of this fold was planned for another time.
      if (!inner.resume || error.code() != ErrorCode::kData) throw;
      inner.resume = false;
      automl::run(rows_of_table(fold.train), inner, inner_context(), {});
    }
  }

  /// Searches on the fold's training rows and judges the model on the others.
  double score_of(const pipeline::Split& fold, std::size_t k) const {
    const RunOptions inner = inner_options(k);
    search(fold, inner);
    if (is_cancelled()) return kNaN;
    const auto model = pipeline::Model::open(inner.output);
    Context calm = context_;
    calm.deadline = {};
    calm.cancel = nullptr;
    auto prediction = model.predict(rows_of_table(fold.valid), calm);
    if (ensemble::depends_on_threshold(*problem_.metric, problem_.task))
      prediction = model.decisions(prediction);
    prediction = in_order_of(problem_, model, std::move(prediction));
    std::vector<double> target, weights;
    for (const std::uint32_t row : fold.valid) {
      target.push_back(problem_.target[row]);
      if (!problem_.weights.empty()) weights.push_back(problem_.weights[row]);
    }
    data::TargetView y = problem_.target_view();
    y.values = target;
    y.weights = weights;
    y.groups = {};
    return problem_.metric->compute(y, prediction);
  }

  void do_fold(const pipeline::Split& fold, std::size_t k, RunStore& store) {
    if (std::isfinite(scores_.scores[k])) return;
    std::string why = is_cancelled() ? "it was stopped" : "the time was over";
    if (!options_.time_budget_s || part_s() >= kLeastSeconds) {
      try {
        scores_.scores[k] = score_of(fold, k);
        why = is_cancelled() ? "it was stopped" : "the metric has no value there";
      } catch (const Error& error) {
        why = error.what();
      }
    }
    --n_left_;
    if (!is_cancelled()) {
      std::error_code ignored;  // goes with the run's folder at last
      std::filesystem::remove_all(fold_path(k, ""), ignored);
      std::filesystem::remove(fold_path(k, ".kolosal"), ignored);
    }
    store.set_fact("nested", to_json(scores_));
    const double score = scores_.scores[k];
    tell(fmt::format("nested validation: outer fold {} of {}: {}", k + 1, scores_.scores.size(),
                     std::isfinite(score) ? fmt::format("{} {:.6g}", problem_.metric->name, score)
                                          : "no score: " + why),
         store);
    keep(store);
  }

  /// What can not be kept was told at the end of the run of all rows.
  void keep(const RunStore& store) const {
    RunKeeper(store, options_)
        .keep(options_.time_budget_s ? RunKeeper::reserve_s(options_) : kPatienceOfTrials);
  }

  Event event_now(Event::Kind kind, const std::string& phase) const {
    Event out = last_;  // with the run's counts and scores
    out.kind = kind;
    out.phase = phase;
    out.elapsed_s = Clock::system().now_s();
    out.remaining_s = context_.deadline.remaining_s();
    return out;
  }
  void tell(const std::string& message, RunStore& store) const {
    Event note = event_now(Event::Kind::kNote, "nested");
    note.message = message;
    store.add_event(note);
    if (sink_) sink_(note);
  }
  void tell_done() const {
    Event done = event_now(Event::Kind::kPhase, "done");
    done.message = "done";
    if (sink_) sink_(done);
  }

  data::Frame table_;
  const RunOptions& options_;
  const Context& context_;
  const EventSink& sink_;
  Problem problem_;
  std::size_t n_left_;  // searches to come
  NestedScores scores_;
  Event last_;
};

}  // namespace

std::vector<pipeline::Split> outer_splits(const Problem& problem, std::size_t n_folds, std::uint64_t seed) {
  std::vector<std::uint32_t> all(problem.n_rows());
  std::iota(all.begin(), all.end(), 0U);
  pipeline::SplitPlan plan{.kind = pipeline::SplitKind::kKFold, .n_folds = n_folds};
  plan.groups = problem.groups;
  plan.times = problem.times;
  return pipeline::make_splits(problem.target_view(), all, plan, derive_seed(seed, {"nested"}));
}

RunResult run_nested(data::Frame table, const RunOptions& options, const Context& context,
                     const EventSink& sink) {
  if (options.n_nested < 2)
    throw Error(ErrorCode::kInvalidParameter, "--nested needs at least 2 outer folds, not {}",
                options.n_nested);
  if (options.time_budget_s.has_value() == options.n_trials.has_value())
    throw Error(ErrorCode::kUsage, "give either a time budget or a number of trials");
  table = affordable_rows(std::move(table), options, context, sink);
  return Nested(std::move(table), options, context, sink).run();
}

}  // namespace kolosal::automl
