#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/automl/run_store.hpp"

namespace kolosal::automl {

/// What all runs of a user did: a folder with one small SQLite file per run, <id>.sqlite, a copy of the run's
/// own database without predictions and models. A file of its own per run needs no lock between processes,
/// and one that is damaged harms no other.
///
/// A run is kept from its start on, so one that was killed is known too; its trials are then read from its
/// run folder as long as that is there.
class RunHistory {
 public:
  explicit RunHistory(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path file(const std::string& id) const { return folder_ / (id + ".sqlite"); }

  /// Keeps what the store holds now, in place of what was kept of the same run. @throws Error kIo.
  void save(const RunStore& store) const;

  /// One object per run, newest first: id, state, started_at, data, target, task, metric, score, trials,
  /// wall_s, model. A file that can not be read is one of state "damaged" with the reason as its "error".
  std::vector<nlohmann::json> list() const;

  /// The id that a user means: an id, a prefix that only one has, or "last".
  /// @throws Error kNotFound naming the nearest id, or saying that there are no runs; kUsage for a prefix of
  /// several.
  std::string resolve(const std::string& word) const;

  /// As RunStore::describe(), with the state as it is now: a run whose process is gone is "killed".
  nlohmann::json read(const std::string& id) const;
  /// Without trials and events, and as it was kept. What a running one has done since is not in it.
  nlohmann::json read_head(const std::string& id) const;

  /// Of all runs, the one that was kept last first.
  std::vector<std::string> newest_ids() const;

  /// @throws Error kUsage for a run that is still running; kIo.
  void remove(const std::string& id) const;

 private:
  std::vector<std::string> ids() const;

  std::filesystem::path folder_;
};

/// A new id: 8 hexadecimal digits.
std::string new_run_id();

/// What tells this process from others, also later ones of the same number: {"pid", "host", "started"}.
nlohmann::json this_process();
/// False when it is known to be gone.
bool may_be_running(const nlohmann::json& process);

}  // namespace kolosal::automl
