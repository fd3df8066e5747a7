#include "kolosal/automl/run_history.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "kolosal/core/error.hpp"
#include "kolosal/core/hash.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/core/system_files.hpp"

namespace kolosal::automl {
namespace {

using nlohmann::json;

constexpr std::size_t kMostNamed = 5;
/// Clocks of machines differ a little, and a network may be away for a while.
constexpr double kLongestSilence_s = 300;

/// When a process started, in the kernel's ticks since the machine did; "" where the kernel does not tell.
std::string start_of(std::int64_t pid) {
  const std::string line = read_first_line(fmt::format("/proc/{}/stat", pid));
  const auto end_of_name = line.rfind(')');
  if (end_of_name == std::string::npos) return "";
  std::istringstream rest(line.substr(end_of_name + 1));
  std::string state, word;
  rest >> state;
  if (state == "Z" || state == "X") return "";  // it has ended, and nobody has asked how
  constexpr int kPlace = 19;                    // starttime is field 22; the state is field 3
  for (int i = 0; i < kPlace; ++i) rest >> word;
  return word;
}

/// Seconds since a moment of utc_now(), by this machine's clock.
double age_s(const std::string& moment) {
  std::tm utc{};
  if (!strptime(moment.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc)) return 0;
  return std::difftime(std::time(nullptr), timegm(&utc));
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// A run that nobody is at work on any more did not end by itself.
void judge_state(json& run) {
  if (run.value("state", "") == "running" &&
      !may_be_running(run.value("process", json::object()), run.value("seen_at", "")))
    run["state"] = "killed";
}

json value_at(const json& object, std::initializer_list<const char*> path) {
  const json* at = &object;
  for (const char* key : path) {
    if (!at->is_object() || !at->contains(key)) return {};
    at = &(*at)[key];
  }
  return *at;
}

json summary_of(const json& run) {
  if (run.value("state", "") == "damaged")
    return {{"id", run["id"]}, {"state", "damaged"}, {"started_at", ""},
            {"data", nullptr}, {"target", nullptr},  {"error", run["error"]}};
  std::size_t n_trials = run.value("n_trials", std::size_t{0});
  for (const json& trial : run.value("trials", json::array()))
    if (trial["state"] == "complete" && trial["estimator"] != "constant") ++n_trials;
  json out = {{"id", run.value("id", "")},
              {"state", run.value("state", "")},
              {"started_at", run.value("started_at", "")},
              {"data", value_at(run, {"data", "name"})},
              {"rows", value_at(run, {"data", "rows"})},
              {"columns", value_at(run, {"data", "columns"})},
              {"target", value_at(run, {"settings", "target"})},
              {"task", value_at(run, {"settings", "task"})},
              {"metric", value_at(run, {"settings", "metric"})},
              {"score", value_at(run, {"result", "score"})},
              {"trials", n_trials},
              {"wall_s", value_at(run, {"resources", "wall_s"})},
              {"model", value_at(run, {"options", "output"})}};
  if (run.contains("error")) out["error"] = run["error"];
  return out;
}

/// What is kept is of its start; the folder knows more while it is there and holds the same run.
json current(json run) {
  if (run.value("state", "") != "running" && run.value("state", "") != "killed") return run;
  const std::filesystem::path folder = run.value("folder", "");
  if (folder.empty() || !RunStore::exists(folder)) return run;
  try {
    json live = RunStore::describe(folder);
    if (live.value("id", "") != run.value("id", "")) return run;
    judge_state(live);
    return live;
  } catch (const Error&) {
    return run;
  }
}

std::string with_date(const json& run) {
  return fmt::format("{} ({} of {}, {})", run["id"].get<std::string>(),
                     run["target"].is_string() ? run["target"].get<std::string>() : "?",
                     run["data"].is_string() ? run["data"].get<std::string>() : "?",
                     run.value("started_at", "?"));
}

}  // namespace

std::string new_run_id() {
  // From the machine and not from the seed: runs of the same seed are different runs.
  std::random_device device;
  const std::array<std::uint64_t, 3> parts = {
      (static_cast<std::uint64_t>(device()) << 32) | device(), static_cast<std::uint64_t>(getpid()),
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count())};
  return fmt::format("{:08x}", hash_bytes(parts.data(), sizeof parts) & 0xffffffff);
}

json this_process() { return {{"pid", getpid()}, {"host", host_name()}, {"started", start_of(getpid())}}; }

bool may_be_running(const json& process, const std::string& seen_at) {
  if (process.value("host", "") != host_name()) return seen_at.empty() || age_s(seen_at) < kLongestSilence_s;
  const auto pid = process.value("pid", std::int64_t{0});
  if (pid <= 0) return false;
  if (kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) return false;
  return start_of(pid) == process.value("started", "");
}

RunHistory RunHistory::at(const std::string& server, const std::filesystem::path& folder, double timeout_s) {
  if (server.empty()) return RunHistory(folder);
  return RunHistory(server_shelf(store::parse_server_url(server), timeout_s));
}

std::vector<json> RunHistory::list() const {
  std::vector<json> out;
  for (json& head : shelf_->heads()) {
    const json id = head["id"];
    judge_state(head);
    // A running one has done more since.
    const bool is_going = head.value("state", "") == "running" || head.value("state", "") == "killed";
    try {
      out.push_back(summary_of(is_going ? current(std::move(head)) : head));
    } catch (const std::exception& error) {
      out.push_back(summary_of({{"id", id}, {"state", "damaged"}, {"error", error.what()}}));
    }
  }
  std::ranges::stable_sort(out, std::greater(), [](const json& run) { return run.value("started_at", ""); });
  return out;
}

std::string RunHistory::resolve(const std::string& word) const {
  const std::vector<std::string> known = shelf_->ids();
  if (known.empty())
    throw Error(ErrorCode::kNotFound, "there are no runs in {}; kolosal train keeps each there", name());
  if (std::ranges::find(known, word) != known.end()) return word;
  if (word == "last") return list().front()["id"].get<std::string>();
  std::vector<std::string> meant;
  for (const std::string& id : known)
    if (!word.empty() && id.starts_with(word)) meant.push_back(id);
  if (meant.size() == 1) return meant.front();
  if (meant.size() > 1) {
    std::string names;
    for (const json& run : list()) {
      if (!run["id"].get<std::string>().starts_with(word)) continue;
      if (meant.size() > kMostNamed && names.size() > 200) break;
      names += (names.empty() ? "" : ", ") + with_date(run);
    }
    throw Error(ErrorCode::kUsage, "\"{}\" is the start of {} runs: {}; give more of the id", word,
                meant.size(), names);
  }
  const std::string near = nearest_name(word, known);
  throw Error(ErrorCode::kNotFound, "there is no run \"{}\" in {}; {}", word, name(),
              near.empty()
                  ? fmt::format("the last one is {}; see: kolosal runs list", with_date(list().front()))
                  : fmt::format("did you mean {}?", near));
}

json RunHistory::read(const std::string& id) const {
  json run = shelf_->read(id);
  judge_state(run);
  return current(std::move(run));
}

json RunHistory::read_head(const std::string& id) const {
  json run = shelf_->read_head(id);
  judge_state(run);
  return run;
}

void RunHistory::remove(const std::string& id) const {
  try {
    if (read(id).value("state", "") == "running")
      throw Error(ErrorCode::kUsage, "run {} is still running; stop it first", id);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUsage) throw;  // a damaged file may go
  }
  shelf_->remove(id);
}

}  // namespace kolosal::automl
