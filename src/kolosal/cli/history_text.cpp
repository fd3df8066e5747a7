#include "kolosal/cli/history_text.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "kolosal/cli/run_report.hpp"
#include "kolosal/cli/text_table.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/memory.hpp"

namespace kolosal::cli {
namespace {

using nlohmann::json;

/// More than a screen of trials is for --json.
constexpr std::size_t kMostTrials = 40;
constexpr std::size_t kMostEvents = 40;

std::string shown(const json& value) {
  if (value.is_null()) return "-";
  if (value.is_array()) {
    std::string out;
    for (const json& item : value) out += (out.empty() ? "" : ",") + shown(item);
    return out;
  }
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// The value at "data/rows"; null when it is not there.
json at(const json& run, std::string_view path) {
  const json* value = &run;
  while (!path.empty()) {
    const std::string key(path.substr(0, path.find('/')));
    path.remove_prefix(std::min(path.size(), key.size() + 1));
    if (!value->is_object() || !value->contains(key)) return {};
    value = &(*value)[key];
  }
  return *value;
}

double number_at(const json& run, std::string_view path) {
  const json value = at(run, path);
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

std::string score_at(const json& run, std::string_view path) { return score_text(number_at(run, path)); }

std::string seconds_at(const json& run, std::string_view path) {
  const json value = at(run, path);
  return value.is_number() ? fmt::format("{:.1f} s", value.get<double>()) : "-";
}

std::string bytes_at(const json& run, std::string_view path) {
  const json value = at(run, path);
  return value.is_number() ? format_bytes(value.get<std::size_t>()) : "-";
}

/// "2026-03-01 12:00:00".
std::string moment(const json& run) {
  std::string out = run.value("started_at", "");
  std::ranges::replace(out, 'T', ' ');
  return out.substr(0, std::string_view("2026-03-01 12:00:00").size());
}

std::string budget_text(const json& run) {
  if (const json seconds = at(run, "options/time_budget"); seconds.is_number())
    return fmt::format("{:g} s", seconds.get<double>());
  return shown(at(run, "options/trials")) + " trials";
}

std::size_t n_done(const json& run) {
  return static_cast<std::size_t>(
      std::ranges::count_if(run.value("trials", json::array()), [](const json& t) {
        return t.value("state", "") == "complete" && t.value("estimator", "") != "constant";
      }));
}

std::string best_single(const json& run) {
  for (const json& row :
       run.contains("result") ? run["result"].value("leaderboard", json::array()) : json::array())
    if (row.value("estimator", "") != "")
      return fmt::format("{} {}", shown(row["model"]), score_at(row, "score"));
  return "-";
}

std::string ensemble_text(const json& run) {
  std::string out;
  for (const json& row :
       run.contains("result") ? run["result"].value("leaderboard", json::array()) : json::array())
    if (row.value("weight", 0.0) > 0 && row.value("estimator", "") != "")
      out += fmt::format("{}{:.2f} {}", out.empty() ? "" : " + ", row["weight"].get<double>(),
                         shown(row["model"]));
  return out.empty() ? "-" : out;
}

/// Whether the file is still what the run wrote, by its size.
std::string model_state(const json& run) {
  const json path = at(run, "artifact/path"), bytes = at(run, "artifact/bytes");
  if (!path.is_string()) return "";
  std::error_code error;
  const auto now = std::filesystem::file_size(path.get<std::string>(), error);
  if (error) return ", no longer there";
  return bytes.is_number() && now != bytes.get<std::uintmax_t>() ? ", replaced since" : "";
}

std::string plan_text(const json& plan) {
  std::string out;
  for (const json& step : plan.value("steps", json::array()))
    out += fmt::format("  {:<18} {}\n", shown(step["step"]), shown(step.value("reason", json(""))));
  for (const json& text : plan.value("notes", json::array())) out += fmt::format("  {}\n", shown(text));
  return out;
}

std::string head_text(const json& run) {
  std::string out = fmt::format("run        {}, {}, started {}\n", shown(at(run, "id")),
                                shown(at(run, "state")), moment(run));
  if (run.contains("error")) out += fmt::format("error      {}\n", shown(run["error"]));
  if (run.value("state", "") == "killed")
    out += fmt::format("           its process is gone; kolosal train ... --resume goes on with {}\n",
                       shown(at(run, "folder")));
  out += fmt::format("data       {}: {} rows, {} columns ({} numeric, {} category, {} text), hash {}\n",
                     shown(at(run, "data/name")), shown(at(run, "data/rows")), shown(at(run, "data/columns")),
                     shown(at(run, "data/numeric")), shown(at(run, "data/category")),
                     shown(at(run, "data/text")), shown(at(run, "fingerprint")));
  out += fmt::format("target     \"{}\", {}\n", shown(at(run, "settings/target")),
                     shown(at(run, "settings/task")));
  out += fmt::format("budget     {}, preset {}, seed {}\n", budget_text(run),
                     shown(at(run, "options/preset")), shown(at(run, "options/seed")));
  if (run.contains("result")) {
    out += fmt::format("score      {} {}, validated by {}\n", shown(at(run, "settings/metric")),
                       score_at(run, "result/score"), shown(at(run, "result/validation")));
    if (const json distilled = at(run, "result/distillation"); distilled.is_object())
      out += fmt::format("distilled  {}\n", distillation_text(automl::distillation_from_json(distilled),
                                                              shown(at(run, "settings/metric"))));
    out += fmt::format("ensemble   {}\n", ensemble_text(run));
    out += fmt::format("model      {} ({}, xxh64 {}{})\n", shown(at(run, "artifact/path")),
                       bytes_at(run, "artifact/bytes"), shown(at(run, "artifact/xxh64")), model_state(run));
  }
  if (const json nested = at(run, "nested"); nested.is_object())
    out += fmt::format("nested     {}\n",
                       nested_text(automl::nested_from_json(nested), shown(at(run, "settings/metric"))));
  if (run.contains("resources"))
    out += fmt::format("resources  {} of time, {} of processors, {} of memory at most\n",
                       seconds_at(run, "resources/wall_s"), seconds_at(run, "resources/cpu_s"),
                       bytes_at(run, "resources/peak_memory_bytes"));
  return out + fmt::format("machine    {}, {} threads, kolosal {}\n", shown(at(run, "environment/cpu")),
                           shown(at(run, "environment/threads")), shown(at(run, "environment/version")));
}

/// "27", and "1.27" on a rung above the first.
std::string trial_name(const json& trial) {
  const auto rung = trial.value("rung", std::size_t{0}), number = trial.value("number", std::size_t{0});
  return rung > 0 ? fmt::format("{}.{}", rung, number) : fmt::format("{}", number);
}

std::string losses_text(const json& losses) {
  std::vector<std::string> head = {"round"};
  for (std::size_t k = 1; k <= losses["folds"].size(); ++k) head.push_back(fmt::format("fold {}", k));
  TextTable table(head);
  const auto add = [&](const std::string& name, auto&& loss_of) {
    std::vector<std::string> cells = {name};
    for (std::size_t k = 0; k < losses["folds"].size(); ++k) cells.push_back(shown(loss_of(k)));
    table.add(std::move(cells));
  };
  for (std::size_t i = 0; i < losses["round"].size(); ++i)
    add(shown(losses["round"][i]), [&](std::size_t k) { return losses["folds"][k][i]; });
  add("kept", [&](std::size_t k) { return losses["kept_round"][k]; });
  add("its loss", [&](std::size_t k) { return losses["kept_loss"][k]; });
  return table.text(1);
}

}  // namespace

json trial_of(const json& run, const std::string& name) {
  const json trials = run.value("trials", json::array());
  for (const json& trial : trials)
    if (trial_name(trial) == name) return trial;
  throw Error(ErrorCode::kNotFound, "run {} has no trial \"{}\"; {}", shown(at(run, "id")), name,
              trials.empty() ? "none of its trials ended"
                             : fmt::format("there are {} of them, from {} to {}", trials.size(),
                                           trial_name(trials.front()), trial_name(trials.back())));
}

std::string trial_page(const json& trial) {
  std::string out = fmt::format("trial      {}, {}\nmodel      {} ({}) on view {}\n", trial_name(trial),
                                shown(at(trial, "state")), shown(at(trial, "label")),
                                shown(at(trial, "estimator")), shown(at(trial, "view")));
  const json params = trial.value("params", json::object());
  for (const auto& [name, value] : params.items())
    out += fmt::format("           {} = {}\n", name, shown(value));
  if (trial.contains("score")) {
    std::string folds;
    for (const json& score : trial.value("fold_scores", json::array()))
      folds += (folds.empty() ? "" : ", ") +
               (score.is_number() ? score_text(score.get<double>()) : std::string("-"));
    out += fmt::format("score      {}; of the folds: {}\n", score_at(trial, "score"), folds);
    out += fmt::format("fit        {:.2f} s, {}\n", number_at(trial, "fit_s"), bytes_at(trial, "size_bytes"));
  }
  if (trial.contains("note")) out += fmt::format("note       {}\n", shown(trial["note"]));
  if (trial.contains("round_losses"))
    out += "\nloss on the validation rows\n" + losses_text(trial["round_losses"]);
  return out;
}

std::string runs_text(const std::vector<json>& runs) {
  TextTable table({"run", "started", "state", "data", "target", "metric", "score", "trials", "time", "note"});
  for (const json& run : runs)
    table.add({shown(run["id"]), moment(run), shown(run["state"]), shown(at(run, "data")),
               shown(at(run, "target")), shown(at(run, "metric")), score_at(run, "score"),
               shown(at(run, "trials")), seconds_at(run, "wall_s"), run.value("error", "")});
  return table.text();
}

std::string run_page(const json& run) {
  std::string out = head_text(run);
  if (run.contains("plan")) {
    out += "\nbase steps\n" + plan_text(run["plan"]["base"]);
    const json views = run["plan"].value("views", json::object());
    for (const auto& [name, plan] : views.items()) out += fmt::format("view {}\n", name) + plan_text(plan);
  }
  const json trials = run.value("trials", json::array());
  TextTable table({"trial", "model", "view", "score", "±", "fit", "rounds", "note"});
  for (const json& trial : trials) {
    if (table.n_rows() == kMostTrials) break;
    const bool is_complete = trial.value("state", "") == "complete";
    const double deviation = number_at(trial, "score_deviation"), rounds = number_at(trial, "rounds");
    table.add({trial_name(trial), shown(at(trial, "label")), shown(at(trial, "view")),
               is_complete ? score_at(trial, "score") : shown(at(trial, "state")),
               std::isfinite(deviation) ? fmt::format("{:.2g}", deviation) : "",
               is_complete ? fmt::format("{:.2f} s", number_at(trial, "fit_s")) : "",
               rounds > 0 ? fmt::format("{:.0f}", rounds) : "", trial.value("note", "")});
  }
  out += "\ntrials\n" + table.text();
  if (trials.size() > kMostTrials)
    out += fmt::format("  and {} more (--json shows all)\n", trials.size() - kMostTrials);
  out += "\nwhat happened\n";
  const json events = run.value("events", json::array());
  for (std::size_t i = 0; i < events.size() && i < kMostEvents; ++i)
    out += fmt::format("{:>9.2f} s  {:<13} {}{}\n", number_at(events[i], "elapsed_s"),
                       shown(events[i]["event"]), shown(events[i]["message"]),
                       events[i].contains("note") ? ": " + shown(events[i]["note"]) : "");
  if (events.size() > kMostEvents)
    out += fmt::format("  and {} more (--json shows all)\n", events.size() - kMostEvents);
  return out;
}

json compare_runs(const std::vector<json>& runs) {
  json out = {{"runs", json::array()}, {"rows", json::array()}, {"notes", json::array()}};
  for (const json& run : runs) out["runs"].push_back(at(run, "id"));
  const auto add = [&](const char* what, auto&& value_of) {
    json values = json::array();
    for (const json& run : runs) values.push_back(value_of(run));
    const bool differs = std::ranges::any_of(values, [&](const json& v) { return v != values[0]; });
    out["rows"].push_back({{"what", what}, {"values", std::move(values)}, {"differs", differs}});
  };
  const auto field = [&](const char* what, const char* path) {
    add(what, [path](const json& run) { return at(run, path); });
  };
  add("started", [](const json& run) { return moment(run); });
  field("state", "state");
  field("data", "data/name");
  field("data hash", "fingerprint");
  field("rows", "data/rows");
  field("columns", "data/columns");
  field("target", "settings/target");
  field("task", "settings/task");
  field("metric", "settings/metric");
  add("budget", budget_text);
  field("preset", "options/preset");
  field("seed", "options/seed");
  field("class_weight", "options/class_weight");
  field("exclude_models", "options/exclude_models");
  field("constraints", "options/constraints");
  field("folds", "options/folds");
  field("repeats", "options/repeats");
  field("distill", "options/distill");
  field("warm_start", "options/warm_start");
  field("version", "environment/version");
  field("threads", "environment/threads");
  field("validation", "result/validation");
  field("score", "result/score");
  field("nested score", "nested/mean");
  field("nested deviation", "nested/deviation");
  add("best model", best_single);
  add("ensemble", ensemble_text);
  add("trials", n_done);
  field("wall_s", "resources/wall_s");
  field("cpu_s", "resources/cpu_s");
  field("peak_memory_bytes", "resources/peak_memory_bytes");
  field("model_bytes", "artifact/bytes");
  field("model", "artifact/path");
  const auto differs = [&](std::string_view what) {
    return std::ranges::any_of(out["rows"],
                               [&](const json& row) { return row["what"] == what && row["differs"]; });
  };
  if (differs("metric"))
    out["notes"].push_back("the scores are of different metrics and do not compare");
  else if (differs("data hash") || differs("validation"))
    out["notes"].push_back("the scores are of different rows and compare only roughly");
  return out;
}

std::string comparison_text(const json& comparison) {
  std::vector<std::string> head = {"", ""};
  for (const json& id : comparison["runs"]) head.push_back(shown(id));
  TextTable table(head);
  const auto text_of = [](const std::string& what, const json& value) -> std::string {
    if (!value.is_number()) return shown(value);
    if (what == "score" || what.starts_with("nested ")) return score_text(value.get<double>());
    if (what.ends_with("_bytes")) return format_bytes(value.get<std::size_t>());
    return value.is_number_float() ? fmt::format("{:.1f}", value.get<double>()) : shown(value);
  };
  for (const json& row : comparison["rows"]) {
    const auto what = row["what"].get<std::string>();
    std::vector<std::string> cells = {row["differs"].get<bool>() ? "*" : "", what};
    for (const json& value : row["values"]) cells.push_back(text_of(what, value));
    table.add(std::move(cells));
  }
  std::string out = table.text(0) + "\n* differs\n";
  for (const json& text : comparison["notes"]) out += fmt::format("note: {}\n", shown(text));
  return out;
}

std::string trials_csv(const std::vector<json>& runs) {
  std::string out =
      "run,rung,trial,model,estimator,view,state,score,score_deviation,fit_s,predict_us_per_row,size_bytes,"
      "rounds,"
      "elapsed_s,params,note\n";
  const auto quoted = [](const std::string& text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string cell = "\"";
    for (const char c : text) cell += c == '"' ? std::string("\"\"") : std::string(1, c);
    return cell + "\"";
  };
  for (const json& run : runs)
    for (const json& trial : run.value("trials", json::array())) {
      out += quoted(shown(at(run, "id")));
      for (const char* key :
           {"rung", "number", "label", "estimator", "view", "state", "score", "score_deviation", "fit_s",
            "predict_us_per_row", "size_bytes", "rounds", "elapsed_s", "params", "note"}) {
        const json value = at(trial, key);
        out += ',' + (value.is_null() ? "" : quoted(shown(value)));
      }
      out += '\n';
    }
  return out;
}

}  // namespace kolosal::cli
