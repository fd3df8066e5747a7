#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "kolosal/artifact/container.hpp"
#include "kolosal/automl/run_store.hpp"
#include "kolosal/cli/command.hpp"
#include "kolosal/cli/kernel_text.hpp"
#include "kolosal/cli/kolosal_home.hpp"
#include "kolosal/cli/machine_profile.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/cli/prediction_notes.hpp"
#include "kolosal/cli/profile_text.hpp"
#include "kolosal/cli/run_report.hpp"
#include "kolosal/cli/table_options.hpp"
#include "kolosal/cli/text_table.hpp"
#include "kolosal/cli/workplace.hpp"
#include "kolosal/core/device.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/memory.hpp"
#include "kolosal/core/version.hpp"
#include "kolosal/infer/importers/imported_model.hpp"
#include "kolosal/io/formats/arrow_files.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/service/fitted_recipe.hpp"
#include "kolosal/service/model_summary.hpp"
#include "kolosal/service/table_profile.hpp"

namespace kolosal::cli {
namespace {

using nlohmann::json;

/// Text of a JSON value as people read it.
std::string shown(const json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string list_text(const json& values, std::size_t most = 12) {
  std::string out;
  for (std::size_t i = 0; i < values.size() && i < most; ++i) out += (i ? ", " : "") + shown(values[i]);
  return values.size() > most ? out + fmt::format(", ... ({} in all)", values.size()) : out;
}

// ---- a model --------------------------------------------------------------------------------------------

std::string steps_text(const json& steps) {
  std::string out;
  for (const json& step : steps) out += (out.empty() ? "" : ", ") + shown(step.value("step", json("")));
  return out.empty() ? "none" : out;
}

/// Each step of a plan with its reason, then what is left as it is.
std::string plan_text(const json& plan) {
  std::string out;
  for (const json& step : plan["steps"])
    out += fmt::format("  {:<18} {}\n", shown(step["step"]), shown(step.value("reason", json(""))));
  for (const json& text : plan.value("notes", json::array())) out += fmt::format("  {}\n", shown(text));
  return out;
}

std::string params_text(const json& params) {
  std::string out;
  for (const auto& [name, value] : params.items())
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, shown(value));
  return out;
}

/// "platt 0.8 -0.1", "isotonic, 34 knots".
std::string calibration_text(const json& calibration) {
  std::string out = shown(calibration["kind"]);
  const json parameters = calibration.value("parameters", json::array());
  for (std::size_t i = 0; i < parameters.size() && i < 6; ++i)
    out += fmt::format(" {:.4g}", parameters[i].get<double>());
  if (parameters.size() > 6) out += fmt::format(" ... ({} in all)", parameters.size());
  if (calibration.contains("knots")) out += ", " + plural(calibration["knots"].size(), "knot");
  return out;
}

/// "by 813 validation rows; level 0.8 ± 3.1, level 0.9 ± 4.4".
std::string conformal_text(const json& conformal) {
  std::string out = fmt::format("by {}", plural(conformal["rows"].get<std::size_t>(), "validation row"));
  const json widths = conformal.value("half_widths", json::object());
  const char* before = ";";
  for (const auto& [level, width] : widths.items()) {
    out += fmt::format("{} level {} ± {:.4g}", before, level, width.get<double>());
    before = ",";
  }
  if (conformal.contains("of")) out += " of " + conformal["of"].get<std::string>();
  return out;
}

/// "low 0.2, mid 1, top 0.6", of the first few classes.
std::string weights_text(const json& model) {
  constexpr std::size_t kMost = 12;
  const json& weights = model["decision_weights"];
  std::string out;
  for (std::size_t k = 0; k < weights.size() && k < kMost; ++k)
    out += fmt::format("{}{} {:.3g}", k == 0 ? "" : ", ", model["classes"][k].get<std::string>(),
                       weights[k].get<double>());
  return out + (weights.size() > kMost ? ", ..." : "");
}

std::string columns_text(const json& columns) {
  TextTable table({"column", "type", "role", "missing", "levels", "minimum", "maximum"});
  for (const json& column : columns) {
    const bool is_time = column["type"] == "date" || column["type"] == "timestamp";
    const auto number = [&](const char* key) {
      return column.contains(key) && !is_time ? fmt::format("{:.6g}", column[key].get<double>())
                                              : std::string();
    };
    table.add({shown(column["name"]), shown(column["type"]), shown(column["role"]), shown(column["missing"]),
               column.contains("levels") ? shown(column["levels"]) : "", number("minimum"),
               number("maximum")});
  }
  return table.text();
}

std::string model_text(const std::filesystem::path& path, const json& model) {
  const automl::RunResult result = service::result_of_model(path);
  std::string out = fmt::format("model      {} ({}, format {}, kolosal {})\n", path.string(),
                                format_bytes(model["file_bytes"].get<std::size_t>()),
                                model["format_version"].get<int>(), model.value("engine_version", "?"));
  out += fmt::format("task       {} of \"{}\" ({})\n", result.task, model.value("target", ""),
                     model.value("task_reason", ""));
  if (model.contains("classes")) out += fmt::format("classes    {}\n", list_text(model["classes"]));
  out += fmt::format("score      {}, validated by {}{}\n", full_score_text(result), result.validation,
                     model.value("refitted", false) ? ", then refitted on all rows" : "");
  if (result.distillation)
    out += fmt::format("distilled  {}\n", distillation_text(*result.distillation, result.metric));
  if (model.contains("calibration"))
    out += fmt::format("calibrated {}\n", calibration_text(model["calibration"]));
  if (model.contains("quantiles")) out += fmt::format("quantiles  {}\n", list_text(model["quantiles"]));
  if (model.contains("decision_weights"))
    out += fmt::format("decision   the class with the largest probability times {}\n", weights_text(model));
  if (model.contains("conformal")) out += fmt::format("intervals  {}\n", conformal_text(model["conformal"]));
  const json lineage = model.value("lineage", json::object());
  for (const auto& [key, value] : lineage.items())
    if (key != "notes")
      out += fmt::format("{:<14}{}\n", key == "fingerprint" ? "data hash" : key, shown(value));
  out += fmt::format("rows       {}\n", result.n_rows);
  if (const auto n = model.value("kept_rows", std::size_t{0}); n > 0)
    out +=
        fmt::format("kept       {} of the table, which whoever has this file can read\n", plural(n, "row"));
  out += "\ncolumns\n" + columns_text(model["columns"]);
  out += fmt::format("\nsteps      {}\n", steps_text(model["steps"]));
  const json no_plan = json::object();
  const json& plans =
      model.contains("plan") && model["plan"].contains("views") ? model["plan"]["views"] : no_plan;
  for (const auto& [name, steps] : model["views"].items())
    out += fmt::format("view {}: {}\n", name, steps_text(steps)) +
           (plans.contains(name) ? plan_text(plans[name]) : "");
  out += "\nensemble\n";
  for (const json& member : model["ensemble"])
    out +=
        fmt::format("  {:.3f}  {} ({} of {}, view {})\n         {}\n", member["weight"].get<double>(),
                    shown(member["name"]), plural(member["fitted_models"].get<std::size_t>(), "fitted model"),
                    shown(member["estimator"]), shown(member["view"]), params_text(member["params"]));
  out += "\nleaderboard\n" + leaderboard_text(result.leaderboard, result.metric);
  for (const std::string& text : result.notes) out += fmt::format("\nnote: {}", text);
  if (!result.notes.empty()) out += '\n';
  out += "\nblocks\n";
  TextTable blocks({"block", "type", "bytes"});
  for (const json& block : model["blocks"])
    blocks.add({shown(block["name"]), shown(block["type"]), shown(block["bytes"])});
  return out + blocks.text();
}

/// A model of another program.
std::string imported_text(const std::filesystem::path& path, const json& model) {
  const std::string version = model.value("version", "");
  std::string out = fmt::format("model      {} ({}, {}{}{})\n", path.string(),
                                format_bytes(model["file_bytes"].get<std::size_t>()), shown(model["format"]),
                                version.empty() ? "" : " ", version);
  out += fmt::format("task       {}\n", shown(model["task"]));
  if (model.contains("objective")) out += fmt::format("objective  {}\n", shown(model["objective"]));
  if (model.contains("classes")) out += fmt::format("classes    {}\n", list_text(model["classes"]));
  if (model.contains("trees"))
    out += fmt::format("trees      {}, {} leaves\n", shown(model["trees"]), shown(model["leaves"]));
  out += fmt::format("runs by    {}\n", shown(model["runs_by"]));
  out += fmt::format("columns    are taken by {}\n", shown(model["columns_by"]));
  TextTable table({"column", "type", "levels"});
  for (const json& column : model["columns"])
    table.add({shown(column["name"]), shown(column["type"]),
               column.contains("levels") ? shown(column["levels"]) : ""});
  out += table.text();
  const json notes = model.value("notes", json::array());
  for (const json& note : notes) out += fmt::format("note: {}\n", shown(note));
  return out;
}

// ---- a run ----------------------------------------------------------------------------------------------

std::string counters_text(const json& counters) {
  return fmt::format("{} hits, {} misses, {} given up, {} in {} entries", shown(counters["hits"]),
                     shown(counters["misses"]), shown(counters["evictions"]),
                     format_bytes(counters["bytes"].get<std::size_t>()), shown(counters["entries"]));
}

std::string run_text(const std::filesystem::path& path, const json& run) {
  std::string out = fmt::format("run        {}\n", path.string());
  const json settings = run.value("settings", json::object());
  for (const auto& [key, value] : settings.items()) out += fmt::format("{:<11}{}\n", key, shown(value));
  if (run.contains("seconds_used"))
    out += fmt::format("seconds    {:.1f}\n", run["seconds_used"].get<double>());
  if (run.contains("plan")) {
    out += "\nbase steps\n" + plan_text(run["plan"]["base"]);
    const json views = run["plan"].value("views", json::object());
    for (const auto& [name, plan] : views.items()) out += fmt::format("view {}\n", name) + plan_text(plan);
  }
  if (run.contains("feature_cache"))
    out += fmt::format("\nsteps of views   {}\nprepared tables  {}\n",
                       counters_text(run["feature_cache"]["steps"]),
                       counters_text(run["feature_cache"]["prepared"]));
  TextTable table({"trial", "model", "view", "score", "note"});
  for (const json& trial : run["trials"])
    table.add({shown(trial["number"]), shown(trial["label"]), shown(trial["view"]),
               trial.contains("score") ? score_text(trial["score"].get<double>()) : shown(trial["state"]),
               shown(trial.value("note", json("")))});
  return out + "\ntrials\n" + table.text();
}

// ---- a fitted recipe ------------------------------------------------------------------------------------

std::string recipe_text(const std::filesystem::path& path, const json& recipe) {
  std::string out = fmt::format("recipe     {}\nrows       {}\n", path.string(), shown(recipe["rows"]));
  if (recipe.contains("target")) out += fmt::format("target     {}\n", shown(recipe["target"]));
  out += "\nsteps\n";
  for (const json& step : recipe["steps"]) {
    out += fmt::format("  {} {}\n", shown(step["step"]), params_text(step["params"]));
    out += fmt::format("    of {}\n", step["fitted_on"].empty() ? "no column" : list_text(step["fitted_on"]));
    if (step.contains("reason")) out += fmt::format("    {}\n", shown(step["reason"]));
  }
  return out + "\ncolumns\n" + columns_text(recipe["columns"]);
}

// ---- this program and machine -----------------------------------------------------------------------------

/// {"lightgbm": {"present": true}, "xgboost": {"present": false, "reason": ...}, ...}
json libraries() {
  json out = json::object();
  for (const auto& info : model::estimators()) {
    const std::string reason = info.unavailable();
    out["learners"][info.name] =
        reason.empty() ? json{{"present", true}} : json{{"present", false}, {"reason", reason}};
  }
  const auto arrow = io::arrow_library_version();
  out["arrow"] = arrow ? json{{"present", true}, {"version", *arrow}}
                       : json{{"present", false}, {"reason", arrow.error()}};
  return out;
}

json describe_program(const Hardware& machine) {
  json out = libraries();
  out["version"] = kVersion;
  out["model_format"] = artifact::kFormatVersion;
  out["cpu_features"] = machine.cpu_features;
  out["threads"] = machine.usable_threads();
  out["memory_limit_bytes"] = machine.default_memory_limit_bytes();
  out["memory_limit_source"] = machine.limit.source;
  return out;
}

std::string presence(const json& item) {
  if (!item["present"].get<bool>()) return "absent: " + shown(item["reason"]);
  return item.contains("version") ? "present, " + shown(item["version"]) : "present";
}

std::string program_text(const json& program) {
  std::string out = fmt::format("kolosal    {} (model format {})\n", shown(program["version"]),
                                shown(program["model_format"]));
  out += fmt::format("threads    {}\n", shown(program["threads"]));
  out += fmt::format("memory     {} for a run (of: {})\n",
                     format_bytes(program["memory_limit_bytes"].get<std::size_t>()),
                     shown(program["memory_limit_source"]));
  out += fmt::format("CPU        {}\n\nlearners\n", list_text(program["cpu_features"], 100));
  for (const auto& [name, item] : program["learners"].items())
    out += fmt::format("  {:<20} {}\n", name, presence(item));
  return out + fmt::format("\nfile formats\n  {:<20} built in\n  {:<20} {}\n", "csv, jsonl", "parquet, arrow",
                           presence(program["arrow"]));
}

std::string hardware_text(const Hardware& machine) {
  const auto bytes = [](std::size_t n) { return n > 0 ? format_bytes(n) : std::string("unknown"); };
  std::string out =
      fmt::format("CPU              {}\n", machine.cpu_model.empty() ? "unknown" : machine.cpu_model);
  out += fmt::format("features         {}\n", fmt::join(machine.cpu_features, " "));
  out += fmt::format("cores            {} logical, {} physical, {} allowed to this process\n",
                     machine.n_logical_cores, machine.n_physical_cores, machine.n_allowed_cores);
  out += machine.cpu_quota ? fmt::format("CPU quota        {:.2f} cores ({})\n", *machine.cpu_quota,
                                         machine.cpu_quota_source)
                           : "CPU quota        none\n";
  out += fmt::format("threads          {}\n", machine.usable_threads());
  out +=
      fmt::format("caches           L1 {}, L2 {}, L3 {}, lines of {} bytes\n", bytes(machine.l1_data_bytes),
                  bytes(machine.l2_bytes), bytes(machine.l3_bytes), machine.cache_line_bytes);
  for (const NumaNode& node : machine.numa_nodes)
    out += fmt::format("NUMA node {:<6} {} CPUs, {}\n", node.id, node.n_cpus, bytes(node.memory_bytes));
  out += fmt::format("memory           {} in all, {} available\n", bytes(machine.memory_total_bytes),
                     bytes(machine.memory_available_bytes));
  out += fmt::format("memory limit     {} ({})\n", bytes(machine.limit.bytes), machine.limit.source);
  return out + fmt::format("limit of a run   {}\n", bytes(machine.default_memory_limit_bytes()));
}

/// The machine; what was measured of it, now (--measure) or before; and what follows for a goal.
void tell_hardware(const Config& config, const Hardware& machine, bool as_json) {
  const std::string goal = config.text("goal");
  const std::filesystem::path folder = machines_folder(config);
  std::optional<kernel::MachineMeasurements> measured;
  if (config.flag("measure")) {
    const Workplace workplace(config);
    measured = kernel::measure_machine(machine, workplace.context());
    if (workplace.context().should_stop())
      throw Error(ErrorCode::kInterrupted, "stopped before all was measured; nothing is stored");
    if (!folder.empty()) note("stored in " + store_measurements(folder, machine, *measured).string());
  } else if (!folder.empty()) {
    measured = stored_measurements(folder, machine);
  }
  const kernel::MachineAdvice advice =
      kernel::advise(machine, measured ? &*measured : nullptr, kernel::serving_goal(goal));
  if (!as_json)
    return print_result(hardware_text(machine) + (measured ? measurements_text(*measured) : "") +
                        advice_text(goal, advice));
  json out = machine.to_json();
  out["measurements"] = measured ? measured->to_json() : json();
  out["advice"] = advice.to_json();
  out["advice"]["goal"] = goal;
  print_json(out);
}

bool is_model(const std::filesystem::path& path) {
  if (path.extension() == ".kolosal" || infer::foreign_format(path)) return true;
  std::ifstream file(path, std::ios::binary);
  std::array<char, 7> start{};
  return std::filesystem::is_regular_file(path) && file.read(start.data(), start.size()) &&
         std::string_view(start.data(), start.size()) == "KOLOSAL";
}

int run_info(const Invocation& invocation) {
  const bool as_json = invocation.config.flag("json");
  if (invocation.config.flag("measure") && !invocation.config.flag("hardware"))
    throw Error(ErrorCode::kUsage, "--measure is of the machine: kolosal info --hardware --measure");
  if (!invocation.argument) {
    if (invocation.config.flag("kernels"))
      throw Error(ErrorCode::kUsage, "--kernels needs a model file: kolosal info MODEL --kernels");
    const Hardware machine = Hardware::detect();
    if (invocation.config.flag("hardware")) {
      tell_hardware(invocation.config, machine, as_json);
    } else {
      const json program = describe_program(machine);
      as_json ? print_json(program) : print_result(program_text(program));
    }
    leave(0);
  }
  if (invocation.config.flag("hardware"))
    throw Error(ErrorCode::kUsage, "--hardware is about this machine; leave out \"{}\"",
                *invocation.argument);
  const std::filesystem::path path = *invocation.argument;
  if (invocation.config.flag("kernels") && !is_model(path))
    throw Error(ErrorCode::kUsage, "--kernels is about a model file; \"{}\" is none", path.string());
  if (std::filesystem::is_directory(path) && automl::RunStore::exists(path)) {
    const json run = automl::RunStore::describe(path);
    as_json ? print_json(run) : print_result(run_text(path, run));
    leave(0);
  }
  if (path != "-" && is_model(path)) {
    const bool is_foreign = infer::foreign_format(path).has_value();
    if (!is_foreign && artifact::Container::open(path).has("recipe")) {
      const json recipe = service::describe_recipe(path);
      as_json ? print_json(recipe) : print_result(recipe_text(path, recipe));
      leave(0);
    }
    const infer::Session session = infer::Session::open(path);
    if (invocation.config.flag("kernels")) {
      const auto learners = session.time_kernels();
      as_json ? print_json(kernels_json(learners)) : print_result(kernels_text(learners));
      leave(0);
    }
    const json model = service::summarize_model(session);
    as_json ? print_json(model)
            : print_result(is_foreign ? imported_text(path, model) : model_text(path, model));
    leave(0);
  }
  Workplace workplace(invocation.config);
  const auto profile = service::profile_file(path, read_options(invocation.config),
                                             {.associations = false, .plots = false}, workplace.context());
  as_json ? print_json(service::to_json(profile)) : print_result(table_overview(path, profile));
  leave(0);
}

std::vector<Option> info_options() {
  std::vector<Option> out;
  out.push_back(flag_option("hardware", "What this machine offers: CPU, caches, cores, quota, memory."));
  out.push_back(flag_option("kernels",
                            "Of a model: how fast each forest kernel evaluates its learners here; on the "
                            "rows that the model keeps, or else on drawn ones."));
  out.push_back(flag_option(
      "measure", "With --hardware: measures memory, caches, threads and arithmetic, and stores it."));
  out.push_back(text_option("goal", "GOAL",
                            "With --hardware: what the advice for serving models is to reach.", "balanced")
                    .choices(kernel::serving_goal_names()));
  add_home_option(out);
  add_work_options(out);
  add_read_options(out);
  return out;
}

}  // namespace

Command info_command() {
  return {
      .name = "info",
      .summary = "Describe a model file, a run, a fitted recipe, a table, or this program and machine.",
      .description =
          "Of a model: schema, steps and why, ensemble, scores, lineage, sizes. Of a run's folder "
          "(--run-dir): "
          "settings, steps and why, trials. Of a fitted recipe: steps, columns. "
          "Of a table: rows, columns, types and "
          "why, missing "
          "cells, suspicious things. Of nothing: version, CPU, threads, memory limit, learners present.",
      .options = info_options(),
      .positional = Positional{"FILE", "A model file, a run's folder, a recipe, or a table.", false, {}},
      .examples = {{"kolosal info model.kolosal", "What is in a model."},
                   {"kolosal info train.csv", "What is in a table, before training on it."},
                   {"kolosal info --hardware", "What this machine offers."},
                   {"kolosal info --hardware --measure --goal latency",
                    "How fast it is, and what to serve with."}},
      .run = run_info,
  };
}

}  // namespace kolosal::cli
