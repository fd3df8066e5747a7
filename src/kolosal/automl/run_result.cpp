#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kolosal/automl/assembly.hpp"
#include "kolosal/automl/run.hpp"

namespace kolosal::automl {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

nlohmann::json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

}  // namespace

std::size_t NestedScores::n_done() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(scores, [](double score) { return std::isfinite(score); }));
}

double NestedScores::mean() const {
  double sum = 0;
  for (const double score : scores)
    if (std::isfinite(score)) sum += score;
  return n_done() == 0 ? kNaN : sum / static_cast<double>(n_done());
}

double NestedScores::deviation() const {
  if (n_done() < 2) return kNaN;
  double squares = 0;
  for (const double score : scores)
    if (std::isfinite(score)) squares += (score - mean()) * (score - mean());
  return std::sqrt(squares / static_cast<double>(n_done() - 1));
}

nlohmann::json to_json(const NestedScores& nested) {
  auto scores = nlohmann::json::array();
  for (const double score : nested.scores) scores.push_back(number_or_null(score));
  return {{"folds", nested.scores.size()},
          {"scores", std::move(scores)},
          {"mean", number_or_null(nested.mean())},
          {"deviation", number_or_null(nested.deviation())}};
}

NestedScores nested_from_json(const nlohmann::json& json) {
  NestedScores out;
  for (const auto& score : json.value("scores", nlohmann::json::array()))
    out.scores.push_back(score.is_number() ? score.get<double>() : kNaN);
  return out;
}

RunResult result_of(const Blend& blend, const std::vector<TrialResult>& results, const Problem& problem) {
  RunResult out;
  out.task = data::task_name(problem.task);
  out.metric = problem.metric->name;
  out.higher_is_better = problem.metric->higher_is_better;
  out.score = blend.score;
  if (blend.interval) {
    out.score_low = blend.interval->low;
    out.score_high = blend.interval->high;
  }
  out.threshold = blend.threshold;
  out.distillation = blend.distillation;
  out.leaderboard = make_leaderboard(results, blend, *problem.metric);
  out.n_rows = problem.n_rows();
  out.notes = problem.notes;
  return out;
}

nlohmann::json to_json(const RunResult& result) {
  auto board = nlohmann::json::array();
  for (const LeaderboardRow& row : result.leaderboard) board.push_back(to_json(row));
  nlohmann::json out = {{"run", result.run_id},
                        {"model", result.model_path.string()},
                        {"model_bytes", result.model_bytes},
                        {"task", result.task},
                        {"metric", result.metric},
                        {"higher_is_better", result.higher_is_better},
                        {"score", number_or_null(result.score)},
                        {"score_interval", interval_json(result.score_low, result.score_high)},
                        {"threshold", result.threshold},
                        {"validation", result.validation},
                        {"leaderboard", board},
                        {"n_rows", result.n_rows},
                        {"trials", result.n_trials},
                        {"failed_trials", result.n_failed},
                        {"interrupted", result.interrupted},
                        {"resumed", result.resumed},
                        {"elapsed_s", result.elapsed_s},
                        {"notes", result.notes}};
  if (!result.nested.scores.empty()) out["nested"] = to_json(result.nested);
  if (result.distillation) out["distillation"] = to_json(*result.distillation);
  return out;
}

}  // namespace kolosal::automl
