#include "kolosal/automl/manifest.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kolosal/automl/run_record.hpp"
#include "kolosal/core/version.hpp"

namespace kolosal::automl {
namespace {

nlohmann::json leaderboard_json(const Blend& blend, const std::vector<TrialResult>& results,
                                const metric::Metric& metric, bool is_timed) {
  auto out = nlohmann::json::array();
  for (LeaderboardRow row : make_leaderboard(results, blend, metric)) {
    if (!is_timed) row.fit_s = row.predict_us_per_row = std::numeric_limits<double>::quiet_NaN();
    out.push_back(to_json(row));
  }
  return out;
}

nlohmann::json lineage_json(const Problem& problem, std::uint64_t fingerprint, const RunOptions& options,
                            std::size_t n_threads) {
  nlohmann::json out = {{"data", options.data_name},
                        {"fingerprint", fmt::format("{:016x}", fingerprint)},
                        {"seed", options.seed},
                        {"preset", preset_name(options.preset)},
                        {"notes", problem.notes}};
  if (options.time_budget_s) {
    out["trained_at"] = utc_now();
    out["time_budget_s"] = *options.time_budget_s;
    out["threads"] = n_threads;
  } else {
    out["trials"] = *options.n_trials;
  }
  if (const auto constraints = to_json(options.constraints); !constraints.empty())
    out["constraints"] = constraints;
  return out;
}

}  // namespace

nlohmann::json manifest_json(const Blend& blend, const std::vector<TrialResult>& results,
                             const Problem& problem, std::uint64_t fingerprint, const RunOptions& options,
                             std::size_t n_threads) {
  nlohmann::json out = {
      {"engine_version", kVersion},
      {"task", data::task_name(problem.task)},
      {"task_reason", problem.task_reason},
      {"target", options.problem.target},
      {"metric", problem.metric->name},
      {"higher_is_better", problem.metric->higher_is_better},
      {"score", std::isfinite(blend.score) ? nlohmann::json(blend.score) : nlohmann::json()},
      {"score_interval",
       blend.interval ? interval_json(blend.interval->low, blend.interval->high) : nlohmann::json()},
      {"threshold", blend.threshold},
      {"n_rows", problem.n_rows()},
      {"leaderboard", leaderboard_json(blend, results, *problem.metric, options.time_budget_s.has_value())},
      {"lineage", lineage_json(problem, fingerprint, options, n_threads)}};
  if (!problem.quantiles.empty()) out["quantiles"] = problem.quantiles;
  if (blend.distillation) out["distillation"] = to_json(*blend.distillation);
  return out;
}

}  // namespace kolosal::automl
