#include "kolosal/automl/run_record.hpp"

#include <nlohmann/json.hpp>

#include "kolosal/automl/assembly.hpp"
#include "kolosal/core/log.hpp"

namespace kolosal::automl {

nlohmann::json plan_json(const transform::RecipePlan& base, const std::vector<std::unique_ptr<Stage>>& stages,
                         const std::function<bool(const std::string& view)>& is_wanted) {
  nlohmann::json out = {{"base", to_json(base)}};
  for (const auto& stage : stages)
    for (const View& view : stage->views)
      if (const auto name = stage_view_name(view.name, stage->rung); is_wanted(name))
        out["views"][name] = to_json(view.plan);
  return out;
}

void record_plan(RunStore& store, const transform::RecipePlan& base,
                 const std::vector<std::unique_ptr<Stage>>& stages) {
  const auto tell_steps = [](const std::string& view, const transform::RecipePlan& plan) {
    for (const auto& step : plan.steps)
      log::info("planned", {{"view", view}, {"step", step.spec.name}, {"reason", step.reason}});
  };
  tell_steps("base", base);
  for (const View& view : stages.back()->views) tell_steps(view.name, view.plan);
  store.set_fact("plan", plan_json(base, stages, [](const std::string&) { return true; }));
}

void record_cache(RunStore& store, const FeatureCache& cache) {
  for (const auto& [name, counters] :
       {std::pair{"steps", cache.prefixes.counters()}, {"prepared", cache.prepared.counters()}})
    log::info("feature cache", {{"of", name},
                                {"hits", counters.hits},
                                {"misses", counters.misses},
                                {"evictions", counters.evictions},
                                {"bytes", counters.bytes}});
  store.set_fact("feature_cache", counters_json(cache));
}

}  // namespace kolosal::automl
