#include "kolosal/automl/assembly.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/ensemble/calibration.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::automl {

Blend choose_blend(const std::vector<TrialResult>& results, const ValidRows& valid,
                   const metric::Metric& metric, std::size_t max_members, const Context& context) {
  Blend out;
  std::vector<std::span<const double>> candidates;
  for (const TrialResult& result : results) candidates.emplace_back(result.prediction);
  ensemble::GreedySelectionParams params;
  params.max_members = max_members;
  params.n_bags = valid.rows.size() < 2000 ? 3 : 1;
  const auto chosen = ensemble::greedy_selection(valid.y, candidates, params, context);
  out.trials = chosen.members;
  out.weights = chosen.weights;
  out.prediction.resize(candidates.front().size());
  ensemble::blend(candidates, chosen, out.prediction);
  out.loss = metric::training_loss(valid.y, out.prediction);
  if (valid.y.task != data::Task::kRegression) {
    const double temperature = ensemble::fit_temperature(valid.y, out.prediction);
    std::vector<double> cooled = out.prediction;
    pipeline::apply_temperature(cooled, valid.y.n_outputs(), temperature);
    const double loss = metric::training_loss(valid.y, cooled);
    // One number fitted on many rows; below a thousandth of the loss it is noise.
    if (loss < out.loss * (1 - 1e-3)) {
      out.temperature = temperature;
      out.prediction = std::move(cooled);
      out.loss = loss;
    }
  }
  out.score = metric.compute(valid.y, out.prediction);
  return out;
}

std::string stage_view_name(const std::string& view, std::size_t rung) {
  return fmt::format("{}.{}", view, rung);
}

pipeline::Model assemble(const Blend& blend, const std::vector<TrialResult>& results, const ModelFrame& frame,
                         const RunStore& run_store, const std::map<std::size_t, artifact::Node>& refitted,
                         const Context& context) {
  const Problem& problem = *frame.problem;
  pipeline::Model out;
  out.schema = problem.schema;
  out.task = problem.task;
  for (const data::Field& field : problem.schema.fields())
    if (field.role == data::Role::kTarget) out.target = field.name;
  out.classes = problem.classes;
  out.base = *frame.base;
  out.temperature = blend.temperature;
  if (problem.task == data::Task::kRegression) {
    const auto [low, high] = std::ranges::minmax(problem.target);
    constexpr double kLargest = std::numeric_limits<double>::max();
    const double margin = 0.1 * high - 0.1 * low;
    out.target_low = std::max(low - margin, -kLargest);
    out.target_high = std::min(high + margin, kLargest);
    if (low >= 0) out.target_low = std::max(out.target_low, 0.0);
  }
  for (std::size_t i = 0; i < blend.trials.size(); ++i) {
    const TrialResult& trial = results[blend.trials[i]];
    // A view's shared steps were fitted on the rows of its rung.
    const std::string view = stage_view_name(trial.candidate.view, trial.rung);
    if (!out.views.contains(view))
      out.views.emplace(view,
                        *(*frame.stages)[trial.rung]->store->shared_recipe(trial.candidate.view, context));
    pipeline::Member member{trial.candidate.label, blend.weights[i], view, {}};
    if (const auto refit = refitted.find(blend.trials[i]); refit != refitted.end())
      member.pipelines.push_back(pipeline::Pipeline::load(refit->second));
    else
      member.pipelines = run_store.pipelines(trial);
    out.members.push_back(std::move(member));
  }
  return out;
}

std::vector<LeaderboardRow> make_leaderboard(const std::vector<TrialResult>& results, const Blend& blend,
                                             const metric::Metric& metric) {
  std::vector<LeaderboardRow> rows;
  LeaderboardRow blended{.model = "blend",
                         .score = blend.score,
                         .score_deviation = std::numeric_limits<double>::quiet_NaN(),
                         .weight = 1};
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
  std::ranges::stable_sort(rows, [&](const LeaderboardRow& a, const LeaderboardRow& b) {
    const double x = metric.utility(a.score), y = metric.utility(b.score);
    return std::isnan(y) ? !std::isnan(x) : x > y;
  });
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].rank = i + 1;
  return rows;
}

}  // namespace kolosal::automl
