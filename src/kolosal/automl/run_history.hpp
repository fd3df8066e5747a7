#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/automl/run_shelf.hpp"
#include "kolosal/automl/run_store.hpp"

namespace kolosal::automl {

/// What all runs of a user did, without predictions and models: a folder with one small SQLite file per run,
/// <id>.sqlite, a copy of the run's own database; or a server that many use. A file of its own per run needs
/// no lock between processes, and one that is damaged harms no other.
///
/// A run is kept from its start on, so one that was killed is known too; its trials are then read from its
/// run folder as long as that is there.
/// Threads: one at a time.
class RunHistory {
 public:
  explicit RunHistory(const std::filesystem::path& folder) : shelf_(folder_shelf(folder)) {}
  /// On the PostgreSQL server of this address, or in the folder when there is none. timeout_s: of connecting,
  /// and of each answer. @throws Error kInvalidParameter for an address that is none.
  static RunHistory at(const std::string& server, const std::filesystem::path& folder,
                       double timeout_s = kServerPatience_s);
  static constexpr double kServerPatience_s = 10;

  /// The folder, or the server's address without its password.
  const std::string& name() const { return shelf_->name(); }

  /// Keeps what the store holds now, in place of what was kept of the same run. @throws Error kIo.
  void save(const RunStore& store) const { shelf_->save(store); }

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
  std::vector<std::string> newest_ids() const { return shelf_->newest_ids(); }

  /// Writes a run as a SQLite file that appears whole or not at all. @throws Error kIo.
  void export_to(const std::string& id, const std::filesystem::path& file) const {
    shelf_->export_to(id, file);
  }

  /// @throws Error kUsage for a run that is still running; kIo.
  void remove(const std::string& id) const;

 private:
  explicit RunHistory(std::shared_ptr<const RunShelf> shelf) : shelf_(std::move(shelf)) {}

  std::shared_ptr<const RunShelf> shelf_;
};

/// A new id: 8 hexadecimal digits.
std::string new_run_id();

/// What tells this process from others, also later ones of the same number: {"pid", "host", "started"}.
nlohmann::json this_process();
/// False when it is known to be gone. One of another machine is not, unless `seen_at`, when it last told of
/// itself (as utc_now() has it), is some minutes ago.
bool may_be_running(const nlohmann::json& process, const std::string& seen_at = "");

}  // namespace kolosal::automl
