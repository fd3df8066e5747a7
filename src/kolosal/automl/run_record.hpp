#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

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

/// So does how often what a view starts with was there already.
void record_cache(RunStore& store, const FeatureCache& cache);

}  // namespace kolosal::automl
