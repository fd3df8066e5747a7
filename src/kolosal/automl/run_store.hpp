#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kolosal/automl/events.hpp"
#include "kolosal/automl/trial.hpp"
#include "kolosal/pipeline/pipeline.hpp"
#include "kolosal/store/database.hpp"

namespace kolosal::automl {

/// What a run is a run of. A run is resumed only on the same.
struct RunIdentity {
  std::uint64_t fingerprint = 0;  ///< of features and target
  std::string settings;           ///< JSON of everything that changes what a trial gives
};

/// What a run did, in a folder: run.sqlite (identity, facts, trials, events), one container per trial with
/// its predictions and one per fold with the fitted pipeline. A trial is in the database only after its files
/// are complete, so a kill at any moment loses at most the trials that were running.
///
/// Threads: all members but remove() may be called from many threads.
class RunStore {
 public:
  /// A new run; an old one in the same folder is removed. @throws Error kIo.
  static RunStore create(const std::filesystem::path& folder, const RunIdentity& identity);
  /// An earlier run. @throws Error kNotFound without one; kData when the table, or which setting, differs.
  static RunStore open(const std::filesystem::path& folder, const RunIdentity& identity);
  static bool exists(const std::filesystem::path& folder);
  /// The run of a folder, be it what it may. @throws Error kNotFound without one.
  static RunStore attach(const std::filesystem::path& folder);
  /// A copy that copy_to() has written: all of a run but the files of its trials.
  static RunStore attach_copy(const std::filesystem::path& file);
  /// What is in a run's folder, or in a copy of its database, for people: settings, seconds used, facts,
  /// trials, events. @throws Error kNotFound; kIo for a damaged file.
  static nlohmann::json describe(const std::filesystem::path& folder_or_copy);
  /// As describe(), but for the trials and events: what it takes to look through many runs.
  static nlohmann::json describe_head(const std::filesystem::path& folder_or_copy);

  /// Writes the fitted pipeline of one fold and lets go of it; sets result.size_bytes.
  void save_pipeline(std::size_t rung, std::size_t number, std::size_t fold, FoldResult& result);
  /// After its folds. Sets result.size_bytes to what the trial takes on disk.
  void save_trial(TrialResult& result, const std::vector<FoldResult>& folds);
  /// The trial ended without a result (a learner failed); it is not tried again.
  void save_failure(std::size_t rung, std::size_t number, const Candidate& candidate,
                    const std::string& reason);
  struct Failure {
    std::size_t rung;
    std::size_t number;
    Candidate candidate;
    std::string reason;
  };
  std::vector<TrialResult> trials() const;
  std::vector<Failure> failures() const;
  /// Of its folds, as pipeline::Pipeline::save() made them; the arrays are in mapped files.
  std::vector<artifact::Node> pipelines(const TrialResult& trial) const;

  /// Seconds that the run has used up, over all its processes.
  double seconds_used() const;
  void set_seconds_used(double seconds);

  /// What else is worth knowing of a run, by name: "plan", "feature_cache".
  void set_fact(std::string_view name, const nlohmann::json& fact);
  std::optional<nlohmann::json> fact(std::string_view name) const;
  /// The fact "id", by which people mean the run.
  std::string id() const;

  /// What was told while the run worked: phases, notes, what was skipped and why. A disk that can not take it
  /// is no reason to stop.
  void add_event(const Event& event);

  /// Writes the database, without the trials' files, as one file that appears whole or not at all.
  /// @throws Error kIo.
  void copy_to(const std::filesystem::path& file) const;
  /// The same into a database that keeps many: copy_run().
  void copy_to(store::Database& database, std::map<std::string, std::uint64_t>& known) const;

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path database_file() const { return database_->name(); }
  /// Deletes the folder.
  void remove();

 private:
  RunStore(std::filesystem::path folder, std::unique_ptr<store::Database> database);
  std::filesystem::path trial_path(std::size_t rung, std::size_t number) const;
  std::filesystem::path pipeline_path(std::size_t rung, std::size_t number, std::size_t fold) const;

  std::filesystem::path folder_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<std::mutex> mutex_;
};

}  // namespace kolosal::automl
