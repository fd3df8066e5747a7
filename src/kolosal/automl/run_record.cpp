#include "kolosal/automl/run_record.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "kolosal/artifact/file_mapping.hpp"
#include "kolosal/automl/assembly.hpp"
#include "kolosal/automl/run_history.hpp"
#include "kolosal/automl/run_keeper.hpp"
#include "kolosal/core/device.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/hash.hpp"
#include "kolosal/core/log.hpp"
#include "kolosal/core/version.hpp"

namespace kolosal::automl {
namespace {

using nlohmann::json;

/// More columns or classes than this are counted, but not named.
constexpr std::size_t kMostNamed = 300;

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json columns_json(const TableShape& shape) {
  auto out = json::array();
  for (const profile::ColumnProfile& column : shape.columns) {
    if (out.size() == kMostNamed) break;
    json item = {{"name", column.name},
                 {"type", data::type_name(column.type)},
                 {"kind", profile::kind_name(column.kind)},
                 {"missing", column.n_missing},
                 {"distinct", column.n_distinct}};
    if (column.numbers && column.numbers->n > 0) {
      item["mean"] = number(column.numbers->mean);
      item["sd"] = number(column.numbers->sd);
      item["skewness"] = number(column.numbers->skewness);
    }
    out.push_back(std::move(item));
  }
  return out;
}

json target_json(const Problem& problem, const TableShape& shape) {
  if (problem.task == data::Task::kRegression) {
    double sum = 0, squares = 0;
    for (const double y : problem.target) sum += y;
    const double n = static_cast<double>(problem.n_rows()), mean = sum / n;
    for (const double y : problem.target) squares += (y - mean) * (y - mean);
    const auto [low, high] = std::ranges::minmax(problem.target);
    json out = {{"mean", number(mean)},
                {"sd", number(std::sqrt(squares / n))},
                {"skewness", number(shape.target_skewness)},
                {"minimum", low},
                {"maximum", high}};
    if (problem.is_log_target) out["of"] = "log(1 + value)";
    return out;
  }
  std::vector<std::size_t> counts(problem.classes.size());
  for (const double y : problem.target) ++counts[static_cast<std::size_t>(y)];
  auto classes = json::array();
  for (std::size_t k = 0; k < counts.size() && k < kMostNamed; ++k)
    classes.push_back({{"class", problem.classes[k]}, {"rows", counts[k]}});
  return {{"classes", std::move(classes)}};
}

/// The table: what names it, and the meta-features by which tables are alike.
json data_json(const RunOptions& options, const Problem& problem, const TableShape& shape) {
  double n_missing = 0;
  for (const profile::ColumnProfile& column : shape.columns)
    n_missing += static_cast<double>(column.n_missing);
  const double n_cells = static_cast<double>(problem.n_rows()) * static_cast<double>(shape.columns.size());
  return {{"name", options.data_name},
          {"rows", problem.n_rows()},
          {"columns", problem.features.n_columns()},
          {"used_columns", shape.n_columns()},
          {"train_rows", shape.n_rows},
          {"numeric", shape.n_numeric},
          {"category", shape.n_category},
          {"text", shape.n_text},
          {"classes", problem.classes.size()},
          {"rarest_class", shape.rarest_class},
          {"max_levels", shape.max_levels},
          {"missing_share", n_cells > 0 ? n_missing / n_cells : 0},
          {"target", target_json(problem, shape)},
          {"features", columns_json(shape)}};
}

json options_json(const RunOptions& options, const Context& context) {
  json out = {{"output", std::filesystem::absolute(options.output).string()},
              {"preset", preset_name(options.preset)},
              {"seed", options.seed},
              {"metric", options.problem.metric},
              {"task", options.problem.task},
              {"ignore", options.problem.ignore},
              {"exclude_models", options.exclude_models},
              {"constraints", to_json(options.constraints)},
              {"memory_limit_bytes", context.memory_limit_bytes},
              {"has_test_data", options.test_rows != nullptr}};
  if (options.class_weight != "none") out["class_weight"] = options.class_weight;
  if (options.time_budget_s) out["time_budget"] = *options.time_budget_s;
  if (options.n_trials) out["trials"] = *options.n_trials;
  if (options.n_folds) out["folds"] = *options.n_folds;
  if (options.n_repeats) out["repeats"] = *options.n_repeats;
  if (options.n_nested > 0) out["nested"] = options.n_nested;
  if (options.distill) out["distill"] = true;
  if (options.n_kept_rows > 0) out["keep_rows"] = options.n_kept_rows;
  for (const auto& [name, word] : {std::pair{"group", options.problem.group},
                                   {"time", options.problem.time},
                                   {"weight", options.problem.weight},
                                   {"warm_start", options.warm_start}})
    if (!word.empty()) out[name] = word;
  return out;
}

json environment_json(const Context& context) {
  const Hardware machine = Hardware::detect();
  return {{"version", kVersion},
          {"cpu", machine.cpu_model},
          {"cpu_features", machine.cpu_features},
          {"cores", machine.n_logical_cores},
          {"threads", context.n_threads},
          {"memory_bytes", machine.memory_total_bytes},
          {"memory_limit_bytes", context.memory_limit_bytes}};
}

/// 2026-03-01T12:00:00.250Z: runs that follow each other in a second keep their order.
std::string utc_now_ms() {
  std::string out = utc_now();
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  out.insert(out.size() - 1, fmt::format(".{:03}", now.tv_nsec / 1'000'000));
  return out;
}

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
}

json resources_json(double wall_s) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {{"wall_s", wall_s},
          {"cpu_s", seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)},
          {"peak_memory_bytes", memory_use().peak_resident_bytes}};
}

json artifact_json(const RunResult& result) {
  // Mapped: a model may be larger than the memory that is left.
  const auto file = artifact::map_model_file(result.model_path);
  return {{"path", std::filesystem::absolute(result.model_path).string()},
          {"bytes", file.bytes.size()},
          {"xxh64", fmt::format("{:016x}", hash_bytes(file.bytes.data(), file.bytes.size()))}};
}

}  // namespace

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

RunIdentity run_identity(const RunOptions& options, const Problem& problem, std::uint64_t fingerprint,
                         std::size_t n_folds, std::size_t n_rungs) {
  json settings = {{"target", options.problem.target},
                   {"task", data::task_name(problem.task)},
                   {"metric", problem.metric->name},
                   {"seed", options.seed},
                   {"exclude_models", options.exclude_models},
                   {"folds", n_folds},
                   {"rungs", n_rungs},
                   {"engine", kVersion}};
  for (const auto& [role, column] : {std::pair{"weight", options.problem.weight},
                                     {"group", options.problem.group},
                                     {"time", options.problem.time}})
    if (!column.empty()) settings[role] = column;
  if (!problem.quantiles.empty()) settings["quantiles"] = problem.quantiles;
  if (options.class_weight != "none") settings["class_weight"] = options.class_weight;
  if (options.n_trials) settings["budget"] = "trials";
  if (!options.problem.ignore.empty()) settings["ignore"] = options.problem.ignore;
  if (options.n_repeats) settings["repeats"] = *options.n_repeats;
  if (options.n_nested > 0) settings["nested"] = options.n_nested;
  if (!options.warm_start.empty()) settings["warm_start"] = options.warm_start == "auto" ? "auto" : "run";
  if (const auto constraints = to_json(options.constraints); !constraints.empty())
    settings["constraints"] = constraints;
  return {fingerprint, settings.dump()};
}

void record_start(RunStore& store, const RunOptions& options, const Problem& problem, const Stage& last_stage,
                  const Context& context) {
  if (!store.fact("id")) store.set_fact("id", new_run_id());
  if (!store.fact("started_at")) store.set_fact("started_at", utc_now_ms());
  store.set_fact("state", "running");
  store.set_fact("process", this_process());
  store.set_fact("folder", std::filesystem::absolute(store.folder()).string());
  if (!options.server.empty()) store.set_fact("store", store::parse_server_url(options.server).text);
  store.set_fact("options", options_json(options, context));
  store.set_fact("data", data_json(options, problem, last_stage.shape));
  store.set_fact("environment", environment_json(context));
}

void record_end(RunStore& store, const RunResult& result) {
  store.set_fact("state", result.interrupted ? "stopped" : "done");
  store.set_fact("ended_at", utc_now());
  store.set_fact("result", to_json(result));
  store.set_fact("artifact", artifact_json(result));
  store.set_fact("resources", resources_json(result.elapsed_s));
}

void record_failure(RunStore& store, const std::string& why) {
  try {
    store.set_fact("state", "failed");
    store.set_fact("error", why);
    store.set_fact("ended_at", utc_now());
    store.set_fact("resources", resources_json(Clock::system().now_s()));
  } catch (const Error& error) {
    log::warning("the failure is not kept", {{"reason", error.what()}});
  }
}

std::string why_baseline_alone(const std::vector<RunStore::Failure>& failures, bool is_anything_to_try) {
  const std::string model = "the model is the constant baseline: ";
  if (!is_anything_to_try) return model + "no learner is left to try; exclude fewer of them";
  if (failures.empty()) return model + "no learner had the time or the memory to fit; give it more";
  std::string out = model + "every learner failed";
  const char* before = ": ";
  for (const RunStore::Failure& failure : failures) {
    out += fmt::format("{}{} ({})", before, failure.candidate.label, failure.reason);
    before = ", ";
  }
  return out;
}

void record_end_from_outside(RunResult& result, const RunOptions& options) {
  try {
    RunStore store = RunStore::attach(options.run_folder());
    if (const auto nested = store.fact("nested")) result.nested = nested_from_json(*nested);
    result.run_id = store.fact("id").value_or("").get<std::string>();
    record_end(store, result);
    RunKeeper keeper(store, options);
    keeper.begin();
    // The budget is over: what a server does not take now, it gets by kolosal runs sync.
    constexpr double kPatience_s = 0.1;
    std::ranges::move(keeper.end(kPatience_s), std::back_inserter(result.notes));
  } catch (const Error& error) {
    log::warning("the end of the run is not kept", {{"reason", error.what()}});
  }
}

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
