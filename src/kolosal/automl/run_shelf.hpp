#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/automl/run_store.hpp"
#include "kolosal/store/server_url.hpp"

namespace kolosal::automl {

/// Where runs are kept: a folder with a file for each, or a server. RunHistory tells what they mean.
///
/// Errors: Error kNotFound for a run that is not there, kIo of the file or the server.
class RunShelf {
 public:
  virtual ~RunShelf() = default;
  /// For messages.
  virtual const std::string& name() const = 0;
  /// Sorted.
  virtual std::vector<std::string> ids() const = 0;
  /// The one that was kept (on a server: begun) last first.
  virtual std::vector<std::string> newest_ids() const = 0;
  /// As RunStore::describe(), as it was kept.
  virtual nlohmann::json read(const std::string& id) const = 0;
  /// Without trials and events.
  virtual nlohmann::json read_head(const std::string& id) const = 0;
  /// The heads of all runs with "n_trials", see all_heads_json(); a run that can not be read has an "error"
  /// of state "damaged".
  virtual std::vector<nlohmann::json> heads() const = 0;
  /// What the store holds, in place of what is kept of the same run.
  virtual void save(const RunStore& store) const = 0;
  virtual void remove(const std::string& id) const = 0;
  /// As a SQLite file.
  virtual void export_to(const std::string& id, const std::filesystem::path& file) const = 0;
};

std::shared_ptr<const RunShelf> folder_shelf(std::filesystem::path folder);
/// timeout_s: of connecting, and of each answer. Connects when it is first asked.
std::shared_ptr<const RunShelf> server_shelf(store::ServerUrl server, double timeout_s);

}  // namespace kolosal::automl
