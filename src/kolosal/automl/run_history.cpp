#include "kolosal/automl/run_history.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
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

/// When a process started, in the kernel's ticks since the machine did; "" where the kernel does not tell.
std::string start_of(std::int64_t pid) {
  const std::string line = read_first_line(fmt::format("/proc/{}/stat", pid));
  const auto end_of_name = line.rfind(')');
  if (end_of_name == std::string::npos) return "";
  std::istringstream rest(line.substr(end_of_name + 1));
  std::string word;
  constexpr int kPlace = 20;  // starttime is field 22; the name is field 2
  for (int i = 0; i < kPlace; ++i) rest >> word;
  return word;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// A run that nobody is at work on any more did not end by itself.
void judge_state(json& run) {
  if (run.value("state", "") == "running" && !may_be_running(run.value("process", json::object())))
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
  std::size_t n_trials = 0;
  for (const json& trial : run["trials"])
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

bool may_be_running(const json& process) {
  if (process.value("host", "") != host_name()) return true;  // another machine's are not ours to judge
  const auto pid = process.value("pid", std::int64_t{0});
  if (pid <= 0) return false;
  if (kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) return false;
  return start_of(pid) == process.value("started", "");
}

void RunHistory::save(const RunStore& store) const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) throw Error(ErrorCode::kIo, "can not make the folder {}: {}", folder_.string(), error.message());
  store.copy_to(file(store.fact("id").value_or(json("unnamed")).get<std::string>()));
}

std::vector<std::string> RunHistory::ids() const {
  std::vector<std::string> out;
  std::error_code error;  // no folder: no runs
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const auto& path = entry.path();
    if (path.extension() == ".sqlite" && !path.filename().string().starts_with('.'))
      out.push_back(path.stem().string());
  }
  std::ranges::sort(out);
  return out;
}

std::vector<json> RunHistory::list() const {
  std::vector<json> out;
  for (const std::string& id : ids()) {
    try {
      out.push_back(summary_of(read(id)));
      out.back()["id"] = id;
    } catch (const std::exception& error) {
      out.push_back({{"id", id},
                     {"state", "damaged"},
                     {"started_at", ""},
                     {"data", nullptr},
                     {"target", nullptr},
                     {"error", error.what()}});
    }
  }
  std::ranges::stable_sort(out, std::greater(), [](const json& run) { return run.value("started_at", ""); });
  return out;
}

std::string RunHistory::resolve(const std::string& word) const {
  const std::vector<std::string> known = ids();
  if (known.empty())
    throw Error(ErrorCode::kNotFound, "there are no runs in {}; kolosal train keeps each there",
                folder_.string());
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
  throw Error(ErrorCode::kNotFound, "there is no run \"{}\" in {}; {}", word, folder_.string(),
              near.empty()
                  ? fmt::format("the last one is {}; see: kolosal runs list", with_date(list().front()))
                  : fmt::format("did you mean {}?", near));
}

json RunHistory::read(const std::string& id) const {
  json run = RunStore::describe(file(id));
  judge_state(run);
  if (run["state"] != "running" && run["state"] != "killed") return run;
  // What is kept is of its start; the folder knows more while it is there and holds the same run.
  const std::filesystem::path folder = run.value("folder", "");
  if (folder.empty() || !RunStore::exists(folder)) return run;
  try {
    json live = RunStore::describe(folder);
    if (live.value("id", "") != id) return run;
    judge_state(live);
    return live;
  } catch (const Error&) {
    return run;
  }
}

json RunHistory::read_head(const std::string& id) const {
  json run = RunStore::describe_head(file(id));
  judge_state(run);
  return run;
}

std::vector<std::string> RunHistory::newest_ids() const {
  std::vector<std::string> out = ids();
  std::map<std::string, std::filesystem::file_time_type> kept_at;
  for (const std::string& id : out) {
    std::error_code error;  // gone meanwhile: reading it will tell
    kept_at[id] = std::filesystem::last_write_time(file(id), error);
  }
  std::ranges::stable_sort(out, std::greater(), [&](const std::string& id) { return kept_at[id]; });
  return out;
}

void RunHistory::remove(const std::string& id) const {
  try {
    if (read(id).value("state", "") == "running")
      throw Error(ErrorCode::kUsage, "run {} is still running; stop it first", id);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUsage) throw;  // a damaged file may go
  }
  for (const char* end : {"", "-wal", "-shm"}) {
    std::error_code error;
    std::filesystem::remove(file(id).string() + end, error);
    if (error)
      throw Error(ErrorCode::kIo, "can not remove {}{}: {}", file(id).string(), end, error.message());
  }
}

}  // namespace kolosal::automl
