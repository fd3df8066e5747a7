#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>

#include "kolosal/artifact/atomic_file.hpp"
#include "kolosal/automl/run_history.hpp"
#include "kolosal/cli/command.hpp"
#include "kolosal/cli/history_text.hpp"
#include "kolosal/cli/kolosal_home.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/service/tracking.hpp"
#include "kolosal/store/server_url.hpp"

namespace kolosal::cli {
namespace {

using automl::RunHistory;
using nlohmann::json;

/// The ids of the words after the action, at least and at most so many.
std::vector<std::string> ids_of(const RunHistory& history, const Invocation& invocation, std::size_t least,
                                std::size_t most = std::string::npos) {
  const std::string& action = *invocation.argument;
  if (invocation.more.size() < least)
    throw Error(ErrorCode::kUsage, "kolosal runs {} needs {}; kolosal runs list shows what there is", action,
                least == 1 ? "the id of a run" : fmt::format("the ids of {} runs", least));
  if (invocation.more.size() > most)
    throw Error(ErrorCode::kUsage, "kolosal runs {} takes {}, not \"{}\"", action,
                most == 0 ? "no further word" : "one run", invocation.more[most]);
  std::vector<std::string> out;
  for (const std::string& word : invocation.more) out.push_back(history.resolve(word));
  return out;
}

std::vector<json> runs_of(const RunHistory& history, const std::vector<std::string>& ids) {
  std::vector<json> out;
  for (const std::string& id : ids) out.push_back(history.read(id));
  return out;
}

void list(const RunHistory& history, const Invocation& invocation) {
  ids_of(history, invocation, 0, 0);
  auto runs = history.list();
  const std::size_t n_all = runs.size();
  const auto limit = static_cast<std::size_t>(invocation.config.integer("limit"));
  if (limit > 0 && runs.size() > limit) runs.resize(limit);
  if (invocation.config.flag("json")) return print_json(runs);
  if (runs.empty()) return note(fmt::format("there are no runs in {}", history.name()));
  print_result(runs_text(runs));
  if (runs.size() < n_all)
    note(fmt::format("{} older runs are left out; --limit 0 shows all", n_all - runs.size()));
}

void export_runs(const RunHistory& history, const Invocation& invocation) {
  const auto ids = ids_of(history, invocation, 1);
  const auto runs = runs_of(history, ids);
  const std::filesystem::path output = invocation.config.text("output");
  if (output.extension() == ".sqlite") {
    if (ids.size() > 1)
      throw Error(ErrorCode::kUsage, "a SQLite file holds one run; export {} runs as .json or .csv",
                  ids.size());
    return history.export_to(ids.front(), output);
  }
  const std::string text = output.extension() == ".csv"
                               ? trials_csv(runs)
                               : (runs.size() == 1 ? runs.front() : json(runs))
                                         .dump(2, ' ', false, json::error_handler_t::replace) +
                                     "\n";
  if (output == "-") return print_result(text);
  artifact::write_file_atomically(output, std::as_bytes(std::span(text)), false);
}

void remove_runs(const RunHistory& history, const Invocation& invocation) {
  const auto ids = ids_of(history, invocation, 1);
  for (const std::string& id : ids) history.remove(id);
  if (invocation.config.flag("json"))
    print_json({{"deleted", ids}});
  else
    print_result(fmt::format("deleted {}\n", fmt::join(ids, ", ")));
}

constexpr std::string_view kTrackingEnd = ".track.jsonl", kRunEnd = ".sqlite";

/// Files of a folder whose names end so.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder, std::string_view end) {
  std::vector<std::filesystem::path> out;
  std::error_code error;  // no folder: nothing waits
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(end) && !name.starts_with('.')) out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

/// Updates that a tracking server did not take.
json sync_tracking(const std::filesystem::path& file) {
  constexpr double kPatience_s = 60;
  const auto tracker = track::Tracker::resume(file, [](const std::string& text) { note(text); });
  const track::Report report = tracker->close(kPatience_s);
  if (const std::string text = service::report_text(report); !text.empty()) note(text);
  return {{"file", file.string()},
          {"sent", report.is_complete},
          {"left", report.n_left},
          {"run", report.run_url}};
}

/// A run that a run store did not take. It is meant for the server whose address stands in it.
json sync_run(const std::filesystem::path& file, const std::string& server) {
  json out = {{"file", file.string()}, {"sent", false}, {"left", 1}, {"run", file.stem().string()}};
  try {
    auto run = std::make_unique<automl::RunStore>(automl::RunStore::attach_copy(file));
    const json wanted = run->fact("store").value_or(json());
    std::string to = server;
    if (wanted.is_string() && (to.empty() || store::parse_server_url(to).text != wanted)) to = wanted;
    if (to.empty())
      throw Error(ErrorCode::kUsage, "{} was not meant for a server; name one with --store", file.string());
    RunHistory::at(to, {}).save(*run);
    run.reset();
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(file.string() + end);
    out["sent"] = true;
    out["left"] = 0;
    out["store"] = store::parse_server_url(to).text;
  } catch (const std::exception& error) {
    note(fmt::format("run {} is not sent: {}", file.stem().string(), error.what()));
  }
  return out;
}

/// What servers did not take is sent again: the files given, or all in the home.
void sync(const Invocation& invocation) {
  std::vector<std::filesystem::path> files(invocation.more.begin(), invocation.more.end());
  if (files.empty()) {
    files = files_in(spool_folder(invocation.config), kTrackingEnd);
    std::ranges::move(files_in(unsent_folder(invocation.config), kRunEnd), std::back_inserter(files));
  }
  const std::string server = store_server(invocation.config);
  json out = json::array();
  for (const auto& file : files)
    out.push_back(file.string().ends_with(kRunEnd) ? sync_run(file, server) : sync_tracking(file));
  if (invocation.config.flag("json")) return print_json(out);
  for (const json& item : out)
    if (item["left"] == 0) print_result(fmt::format("sent {}\n", item["run"].get<std::string>()));
  if (out.empty()) note("nothing waits for a server");
}

/// Of runs that a server did not take, so that they are not missed in its list.
void tell_unsent(const Config& config) {
  const auto unsent = files_in(unsent_folder(config), kRunEnd);
  if (!unsent.empty())
    note(fmt::format("{} runs wait here to be sent to a run store; kolosal runs sync sends them",
                     unsent.size()));
}

int run_runs(const Invocation& invocation) {
  const auto folder = runs_folder(invocation.config);
  const std::string server = store_server(invocation.config);
  if (folder.empty() && server.empty())
    throw Error(ErrorCode::kNotFound, "there is no home folder, so no runs are kept; give one with --home");
  const auto history = RunHistory::at(server, folder);
  const std::string& action = *invocation.argument;
  const bool as_json = invocation.config.flag("json");
  if (action == "list") {
    list(history, invocation);
    if (!server.empty()) tell_unsent(invocation.config);
  }
  if (action == "show") {
    const json run = history.read(ids_of(history, invocation, 1, 1).front());
    if (const auto name = invocation.config.optional_text("trial")) {
      const json trial = trial_of(run, *name);
      as_json ? print_json(trial) : print_result(trial_page(trial));
    } else {
      as_json ? print_json(run) : print_result(run_page(run));
    }
  }
  if (action == "compare") {
    const json comparison = compare_runs(runs_of(history, ids_of(history, invocation, 2)));
    as_json ? print_json(comparison) : print_result(comparison_text(comparison));
  }
  if (action == "export") export_runs(history, invocation);
  if (action == "delete") remove_runs(history, invocation);
  if (action == "sync") sync(invocation);
  return 0;
}

std::vector<Option> runs_options() {
  std::vector<Option> out;
  add_home_option(out);
  add_store_option(out);
  out.push_back(
      integer_option("limit", "list: so many of the newest runs; 0 for all.", std::int64_t{20}).at_least(0));
  out.push_back(text_option("trial", "N",
                            "show: one trial, with its parameters and the loss of each round on the "
                            "validation rows."));
  out.push_back(
      text_option("output", "FILE",
                  "export: .json for everything, .csv for the trials, .sqlite for the file itself; - is "
                  "the standard output.",
                  std::string("-")));
  return out;
}

}  // namespace

Command runs_command() {
  return {
      .name = "runs",
      .summary = "List, show, compare, export or delete what earlier runs of kolosal train did.",
      .description =
          "Every run is kept: its data's shape and hash, the plan with reasons, each trial with the score of "
          "each "
          "fold, what happened when, time and memory, the model file and its hash, the machine. Rows of the "
          "table, predictions and models are not kept. A run is meant by its id, the start of it, or "
          "\"last\".",
      .options = runs_options(),
      .positional = Positional{"ACTION",
                               "list, show, compare, export or delete, then the runs; sync sends what a "
                               "tracking server or a run store did not take.",
                               true,
                               {"list", "show", "compare", "export", "delete", "sync"},
                               "RUN"},
      .examples = {{"kolosal runs list", "The newest runs, one a line."},
                   {"kolosal runs show last", "All that the last run did."},
                   {"kolosal runs show last --trial 3", "One trial, round by round."},
                   {"kolosal runs compare 3f2a 91c0", "Two runs side by side; * marks what differs."},
                   {"kolosal runs export last --output run.json", "For other programs."},
                   {"kolosal runs delete 3f2a", "Forget a run; its model file stays."},
                   {"kolosal runs list --store postgresql://ann@db:5432/ml", "Runs that a server keeps."}},
      .run = run_runs,
  };
}

}  // namespace kolosal::cli
