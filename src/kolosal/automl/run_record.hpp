#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/automl/options.hpp"
#include "kolosal/automl/run.hpp"
#include "kolosal/automl/run_store.hpp"
#include "kolosal/automl/stage.hpp"
#include "kolosal/transform/recipe_toml.hpp"

namespace kolosal::automl {

/// The steps of the base and of the views, with their reasons; of the views that `is_wanted` takes, by
/// stage_view_name().
nlohmann::json plan_json(const transform::RecipePlan& base, const std::vector<std::unique_ptr<Stage>>& stages,
                         const std::function<bool(const std::string& view)>& is_wanted);

/// What was planned and why goes into the run's folder and the log.
void record_plan(RunStore& store, const transform::RecipePlan& base,
                 const std::vector<std::unique_ptr<Stage>>& stages);

/// What a resumed run must have in common with the one it goes on with.
RunIdentity run_identity(const RunOptions& options, const Problem& problem, std::uint64_t fingerprint,
                         std::size_t n_folds, std::size_t n_rungs);

/// What a run is, where and on what it works, as facts "id", "state", "started_at", "process", "folder",
/// "options", "data", "environment". A resumed run keeps its id and its first start.
void record_start(RunStore& store, const RunOptions& options, const Problem& problem, const Stage& last_stage,
                  const Context& context);

/// What came of it: "state" ("done", or "stopped" by the user), "result", "artifact", "resources".
void record_end(RunStore& store, const RunResult& result);
/// "failed" and why.
void record_failure(RunStore& store, const std::string& why);

/// What a run tells that has nothing but its baseline: that no learner was left, had time and memory or
/// worked, with the reason of each.
std::string why_baseline_alone(const std::vector<RunStore::Failure>& failures, bool is_anything_to_try);

/// For a run that does not come to its own end, because the time is over: all of the above from its folder.
/// Fills in result.run_id. A run without a folder, or a full disk, is no error.
void record_end_from_outside(RunResult& result, const RunOptions& options);

/// The time now as 2026-03-01T12:00:00Z.
std::string utc_now();

/// So does how often what a view starts with was there already.
void record_cache(RunStore& store, const FeatureCache& cache);

}  // namespace kolosal::automl
