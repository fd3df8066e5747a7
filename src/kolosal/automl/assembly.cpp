#include "kolosal/automl/assembly.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/ensemble/calibration.hpp"
#include "kolosal/ensemble/calibration_choice.hpp"
#include "kolosal/ensemble/decision_threshold.hpp"
#include "kolosal/ensemble/decision_weights.hpp"
#include "kolosal/ensemble/metric_ascent.hpp"
#include "kolosal/ensemble/stacking.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::automl {
namespace {

using Predictions = std::vector<std::span<const double>>;

constexpr std::size_t kMostToStack = 20;
constexpr std::size_t kMostCellsToStack = 1'000'000;  // predictions of them all
constexpr std::size_t kStackingFolds = 4;
constexpr double kLeastGain = 1e-3;  // of the loss; what is less may be luck

/// The trials of smallest loss, in the order of the results.
std::vector<std::size_t> best_trials(const std::vector<TrialResult>& results) {
  std::vector<std::size_t> out(results.size());
  std::iota(out.begin(), out.end(), std::size_t{0});
  std::ranges::stable_sort(out, {}, [&](std::size_t i) { return results[i].loss; });
  out.resize(std::min(out.size(), kMostToStack));
  std::ranges::sort(out);
  return out;
}

/// Every k-th row, so that the predictions have at most kMostCellsToStack cells.
struct ThinnedRows {
  std::vector<double> values, weights;
  std::vector<std::vector<double>> predictions;
};
ThinnedRows thinned(const data::TargetView& y, const Predictions& predictions) {
  const std::size_t n = y.values.size(), width = y.n_outputs();
  const std::size_t step = 1 + n * width * predictions.size() / kMostCellsToStack;
  ThinnedRows out;
  out.predictions.resize(predictions.size());
  for (std::size_t i = 0; i < n; i += step) {
    out.values.push_back(y.values[i]);
    if (!y.weights.empty()) out.weights.push_back(y.weights[i]);
    for (std::size_t c = 0; c < predictions.size(); ++c)
      for (std::size_t k = 0; k < width; ++k) out.predictions[c].push_back(predictions[c][i * width + k]);
  }
  return out;
}

/// Convex stacking of the best trials, when it beats the greedy selection on rows that neither was chosen on.
std::optional<ensemble::WeightedMembers> better_stacking(const std::vector<TrialResult>& results,
                                                         const data::TargetView& y,
                                                         const ensemble::GreedySelectionParams& greedy,
                                                         const Context& context) {
  const auto trials = best_trials(results);
  constexpr std::size_t kLeastRows = 100;  // of fewer, weights are a matter of luck
  if (trials.size() < 3 || y.quantiles.size() > 1 || y.values.size() < kLeastRows) return {};
  Predictions predictions;
  for (const std::size_t i : trials) predictions.emplace_back(results[i].prediction);
  const ThinnedRows rows = thinned(y, predictions);
  const data::TargetView some{y.task, rows.values, rows.weights, y.n_classes, y.quantiles};
  const Predictions thin(rows.predictions.begin(), rows.predictions.end());
  ensemble::StackingParams params;
  params.max_members = greedy.max_members;
  const auto stack = [&](const data::TargetView& part, const Predictions& candidates) {
    return ensemble::convex_stacking(part, candidates, params, context);
  };
  const auto select = [&](const data::TargetView& part, const Predictions& candidates) {
    return ensemble::greedy_selection(part, candidates, greedy, context);
  };
  const double stacked = ensemble::cross_fitted_loss(some, thin, kStackingFolds, stack, context);
  const double selected = ensemble::cross_fitted_loss(some, thin, kStackingFolds, select, context);
  if (!(stacked < selected * (1 - kLeastGain))) return {};
  auto out = stack(y, predictions);
  for (std::size_t& member : out.members) member = trials[member];
  return out;
}

void calibrate(Blend& blend, const data::TargetView& y, const metric::Metric& metric, BlendCare care,
               const Context& context) {
  if (care == BlendCare::kFinal) {
    auto choice = ensemble::choose_calibration(y, blend.prediction, metric, context);
    blend.calibrator = std::move(choice.calibrator);
    blend.prediction = std::move(choice.prediction);
    blend.loss = choice.loss;
    return;
  }
  const auto calibrator = ensemble::fit_calibrator(model::CalibrationKind::kTemperature, y, blend.prediction);
  std::vector<double> cooled = blend.prediction;
  calibrator.apply(cooled, y.n_outputs());
  const double loss = metric::training_loss(y, cooled);
  // One number fitted on many rows; below a thousandth of the loss it is noise.
  if (!(loss < blend.loss * (1 - 1e-3))) return;
  blend.calibrator = calibrator;
  blend.prediction = std::move(cooled);
  blend.loss = loss;
}

/// Indices into the results: members first, then by falling score.
std::vector<std::size_t> by_interest(const Blend& blend, const std::vector<TrialResult>& results,
                                     const metric::Metric& metric) {
  std::vector<std::size_t> out = blend.trials;
  for (std::size_t i = 0; i < results.size(); ++i)
    if (std::ranges::find(blend.trials, i) == blend.trials.end()) out.push_back(i);
  const auto utility = [&](std::size_t i) {
    const double score = metric.utility(results[i].score);
    return std::isnan(score) ? -std::numeric_limits<double>::infinity() : score;
  };
  std::stable_sort(out.begin() + static_cast<std::ptrdiff_t>(blend.trials.size()), out.end(),
                   [&](std::size_t a, std::size_t b) { return utility(a) > utility(b); });
  return out;
}

}  // namespace

std::span<const double> judged(const Blend& blend) {
  return blend.decisions.empty() ? blend.prediction : blend.decisions;
}

std::optional<metric::ScoreInterval> score_interval(std::span<const double> prediction, double score,
                                                    const ValidRows& valid, const metric::Metric& metric,
                                                    const Context& context) {
  constexpr std::size_t kDraws = 200, kLeastDraws = 100;
  if (context.should_stop() || !std::isfinite(score)) return {};
  const metric::BootstrapOptions options{kDraws, 0.95, 2000, score};
  const auto out = metric::bootstrap_interval(metric, valid.y, prediction, options, context);
  return out.n_draws < kLeastDraws ? std::nullopt : std::optional(out);
}

void add_score_intervals(Blend& blend, const std::vector<TrialResult>& results, const ValidRows& valid,
                         const metric::Metric& metric, const Context& context) {
  blend.interval = score_interval(judged(blend), blend.score, valid, metric, context);
  blend.trial_intervals.assign(results.size(), std::nullopt);
  for (const std::size_t i : by_interest(blend, results, metric))
    blend.trial_intervals[i] =
        score_interval(results[i].prediction, results[i].score, valid, metric, context);
}

BlendLimits limits_of_blend(const RunOptions& options, std::size_t n_folds, double share) {
  BlendLimits out;
  out.n_folds = n_folds;
  out.max_members = options.preset == Preset::kFast ? 1 : options.preset == Preset::kBest ? 8 : 5;
  if (options.constraints.is_single()) out.max_members = 1;
  if (options.constraints.max_latency_us) out.max_latency_us = share * *options.constraints.max_latency_us;
  // A loaded model takes about what its file has.
  for (const auto& limit : {options.constraints.max_model_bytes, options.constraints.max_memory_bytes})
    if (limit) out.max_bytes = std::min(out.max_bytes, share * static_cast<double>(*limit));
  return out;
}

double quick_blend_loss(std::span<const TrialResult> results, const ValidRows& valid, std::size_t max_members,
                        const Context& context) {
  std::vector<std::span<const double>> candidates;
  for (const TrialResult& result : results) candidates.emplace_back(result.prediction);
  ensemble::GreedySelectionParams params;
  params.max_members = max_members;
  params.max_rows = 2'000;
  const auto chosen = ensemble::greedy_selection(valid.loss_y, candidates, params, context);
  return chosen.loss;
}

Blend choose_blend(const std::vector<TrialResult>& results, const ValidRows& valid,
                   const metric::Metric& metric, const BlendLimits& limits, const Context& context) {
  std::vector<std::span<const double>> candidates;
  for (const TrialResult& result : results) candidates.emplace_back(result.prediction);
  ensemble::GreedySelectionParams params;
  params.max_members = limits.max_members;
  params.n_bags = valid.rows.size() < 2000 ? 3 : 1;
  if (std::isfinite(limits.max_latency_us) || std::isfinite(limits.max_bytes)) {
    params.max_cost = 1;
    const auto n_fits = static_cast<double>(limits.n_folds);
    for (const TrialResult& result : results)
      params.costs.push_back(std::max(result.predict_us_per_row / n_fits / limits.max_latency_us,
                                      static_cast<double>(result.size_bytes) / n_fits / limits.max_bytes));
  }
  auto chosen = ensemble::greedy_selection(valid.loss_y, candidates, params, context);
  if (limits.care == BlendCare::kFinal && params.costs.empty() && params.max_members > 1)
    if (auto stacked = better_stacking(results, valid.loss_y, params, context)) chosen = std::move(*stacked);
  return blend_of(chosen, results, valid, metric, limits.care, context);
}

Blend blend_of(const ensemble::WeightedMembers& members, const std::vector<TrialResult>& results,
               const ValidRows& valid, const metric::Metric& metric, BlendCare care, const Context& context) {
  Blend out;
  out.trials = members.members;
  out.weights = members.weights;
  out.care = care;
  std::vector<std::span<const double>> predictions;
  for (const TrialResult& result : results) predictions.emplace_back(result.prediction);
  out.prediction.resize(predictions.front().size());
  ensemble::blend(predictions, members, out.prediction);
  out.loss = metric::training_loss(valid.loss_y, out.prediction);
  if (valid.y.task != data::Task::kRegression) calibrate(out, valid.y, metric, care, context);
  if (ensemble::depends_on_threshold(metric, valid.y.task)) {
    auto decision = ensemble::choose_threshold(valid.y, out.prediction, metric);
    out.threshold = decision.value;
    out.decisions = std::move(decision.decisions);
  } else if (ensemble::depends_on_decision_weights(metric, valid.y)) {
    auto decision = ensemble::choose_decision_weights(valid.y, out.prediction, metric);
    out.decision_weights = std::move(decision.values);
    out.decisions = std::move(decision.decisions);
  }
  out.score = metric.compute(valid.y, judged(out));
  // Several quantiles are an interval themselves.
  if (valid.y.quantiles.size() < 2) out.conformal = pipeline::Conformal(valid.y, out.prediction);
  return out;
}

Blend raised(Blend last, const ensemble::WeightedMembers& earlier, const std::vector<TrialResult>& results,
             const ValidRows& valid, const metric::Metric& metric, std::size_t max_members,
             const Context& context) {
  constexpr std::array kToldByTheLoss = {"log_loss", "rmse", "mse", "r2"};
  if (std::ranges::find(kToldByTheLoss, metric.name) != kToldByTheLoss.end() || results.size() < 2 ||
      valid.y.quantiles.size() > 1 || ensemble::depends_on_threshold(metric, valid.y.task) ||
      ensemble::depends_on_decision_weights(metric, valid.y))
    return last;
  std::vector<std::span<const double>> candidates;
  for (const TrialResult& result : results) candidates.emplace_back(result.prediction);
  std::vector<ensemble::WeightedMembers> starts = {{last.trials, last.weights, 0}};
  if (!earlier.members.empty()) starts.push_back(earlier);
  const auto found =
      ensemble::metric_ascent(valid.y, candidates, metric, starts, {.max_members = max_members}, context);
  if (found.members == last.trials && found.weights == last.weights) return last;
  Blend out = blend_of(found, results, valid, metric, last.care, context);
  return metric.utility(out.score) > metric.utility(last.score) ? std::move(out) : std::move(last);
}

std::string stage_view_name(const std::string& view, std::size_t rung) {
  return fmt::format("{}.{}", view, rung);
}

namespace {

/// All but views and members.
pipeline::Model model_of(const Blend& blend, const ModelFrame& frame) {
  const Problem& problem = *frame.problem;
  pipeline::Model out;
  out.schema = problem.schema;
  out.task = problem.task;
  for (const data::Field& field : problem.schema.fields())
    if (field.role == data::Role::kTarget) out.target = field.name;
  out.classes = problem.classes;
  out.quantiles = problem.quantiles;
  out.base = *frame.base;
  out.calibrator = blend.calibrator;
  out.threshold = blend.threshold;
  out.decision_weights = blend.decision_weights;
  out.conformal = blend.conformal;
  out.is_log_target = problem.is_log_target;
  if (problem.task == data::Task::kRegression) {
    const auto [low, high] = std::ranges::minmax(problem.target);
    constexpr double kLargest = std::numeric_limits<double>::max();
    const double margin = 0.1 * high - 0.1 * low;
    out.target_low = std::max(low - margin, -kLargest);
    out.target_high = std::min(high + margin, kLargest);
    if (low >= 0) out.target_low = std::max(out.target_low, 0.0);
  }
  return out;
}

}  // namespace

AssembledModel assemble(const Blend& blend, const std::vector<TrialResult>& results, const ModelFrame& frame,
                        const RunStore& run_store, const LateFits& late, bool one_fit,
                        const Context& context) {
  AssembledModel out{model_of(blend, frame), {}, {}};
  for (std::size_t i = 0; i < blend.trials.size(); ++i) {
    const TrialResult& trial = results[blend.trials[i]];
    // A view's shared steps were fitted on the rows of its rung.
    const std::string view = stage_view_name(trial.candidate.view, trial.rung);
    if (!out.model.views.contains(view))
      out.model.views.emplace(
          view, *(*frame.stages)[trial.rung]->store->shared_recipe(trial.candidate.view, context));
    pipeline::SavedMember member{trial.candidate.label, blend.weights[i], view, {}};
    if (const auto refit = late.instead.find(blend.trials[i]); refit != late.instead.end()) {
      member.pipelines.push_back(&refit->second);
    } else {
      for (artifact::Node& node : run_store.pipelines(trial)) {
        out.nodes.push_back(std::move(node));
        member.pipelines.push_back(&out.nodes.back());
        if (one_fit) break;
      }
      if (const auto more = late.besides.find(blend.trials[i]); more != late.besides.end())
        for (const artifact::Node& node : more->second) member.pipelines.push_back(&node);
    }
    out.members.push_back(std::move(member));
  }
  return out;
}

LeaderboardRow teacher_row(const std::vector<TrialResult>& results, const Blend& blend,
                           const metric::Metric& metric) {
  LeaderboardRow out;
  for (LeaderboardRow& row : make_leaderboard(results, blend, metric))
    if (row.estimator.empty()) out = std::move(row);
  out.weight = 0;
  out.note = "the forest learned from it";
  return out;
}

std::vector<LeaderboardRow> make_leaderboard(const std::vector<TrialResult>& results, const Blend& blend,
                                             const metric::Metric& metric) {
  std::vector<LeaderboardRow> rows;
  LeaderboardRow blended{.model = "blend",
                         .score = blend.score,
                         .score_deviation = std::numeric_limits<double>::quiet_NaN(),
                         .weight = 1};
  const auto set_interval = [](LeaderboardRow& row, const std::optional<metric::ScoreInterval>& interval) {
    if (!interval) return;
    row.score_low = interval->low;
    row.score_high = interval->high;
  };
  set_interval(blended, blend.interval);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const TrialResult& r = results[i];
    LeaderboardRow row{.trial = r.number,
                       .model = r.candidate.label,
                       .estimator = r.candidate.estimator,
                       .score = r.score,
                       .score_deviation = r.score_deviation,
                       .fit_s = r.seconds,
                       .predict_us_per_row = r.predict_us_per_row,
                       .size_bytes = r.size_bytes,
                       .note = r.note};
    if (!blend.trial_intervals.empty()) set_interval(row, blend.trial_intervals[i]);
    for (std::size_t k = 0; k < blend.trials.size(); ++k)
      if (blend.trials[k] == i) row.weight = blend.weights[k];
    if (row.weight > 0) {
      blended.fit_s += row.fit_s;
      blended.predict_us_per_row += row.predict_us_per_row;
      blended.size_bytes += row.size_bytes;
    }
    rows.push_back(std::move(row));
  }
  if (blend.trials.size() > 1) rows.push_back(std::move(blended));
  if (blend.teacher) rows.push_back(*blend.teacher);
  std::ranges::stable_sort(rows, [&](const LeaderboardRow& a, const LeaderboardRow& b) {
    const double x = metric.utility(a.score), y = metric.utility(b.score);
    return std::isnan(y) ? !std::isnan(x) : x > y;
  });
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].rank = i + 1;
  return rows;
}

}  // namespace kolosal::automl
