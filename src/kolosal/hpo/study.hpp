#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/hpo/sampler.hpp"
#include "kolosal/hpo/search_space.hpp"
#include "kolosal/hpo/trial.hpp"

namespace kolosal::hpo {

enum class Direction { kMinimize, kMaximize };

/// Where a study keeps its trials. Members are called under the study's lock.
class StudyStorage {
 public:
  virtual ~StudyStorage() = default;
  /// Called once, at the start: the trials of an earlier process, by number. identity: what must be the same
  /// to go on.
  /// @throws Error kData when the stored study has another identity.
  virtual std::vector<Trial> open(const std::string& identity) = 0;
  virtual void add(const Trial& trial) = 0;
  virtual void add_intermediate(std::size_t number, std::int64_t step, double value) = 0;
  /// State, value and note have changed.
  virtual void update(const Trial& trial) = 0;
};

/// In a SQLite file, which may hold other studies and other tables. Each call is on the disk when it returns.
std::unique_ptr<StudyStorage> make_sqlite_storage(const std::filesystem::path& file,
                                                  const std::string& study_name);

struct StudyOptions {
  Direction direction = Direction::kMinimize;
  std::string sampler = "random";
  std::uint64_t seed = 0;
};

/// Minimizes or maximizes a function that it never sees: ask() for a point, tell() the value.
///
///   Study study(space, {.seed = 42}, make_sqlite_storage("run.sqlite", "main"));
///   while (auto trial = study.ask()) study.tell(trial->number, f(trial->params));
///
/// Resume: a study that is opened again on its storage knows all trials that had ended; those that were
/// running are asked again, first, with the same number and parameters. Threads: all members may be called
/// from many threads.
class Study {
 public:
  /// storage: null keeps the trials in memory only.
  Study(SearchSpace space, StudyOptions options, std::unique_ptr<StudyStorage> storage = nullptr);

  /// The next point. Empty: the sampler has nothing left.
  std::optional<Trial> ask();
  /// A point of the caller's, in place of the sampler's. @throws Error kInvalidParameter when it is outside
  /// the space.
  Trial ask_with(const ParamMap& params);

  /// The value at a step, while the trial runs.
  void report(std::size_t number, std::int64_t step, double value);
  /// A value that is not finite makes the trial a failed one. @throws Error kInvalidParameter: the trial is
  /// not running.
  void tell(std::size_t number, double value);
  /// Given up early; its value is the one reported last.
  void tell_pruned(std::size_t number, const std::string& note = {});
  void tell_failed(std::size_t number, const std::string& note);

  /// By number.
  std::vector<Trial> trials() const;
  std::size_t n_ended() const;
  /// The complete trial with the best value; of equal ones the first.
  std::optional<Trial> best() const;
  const SearchSpace& space() const { return space_; }
  Direction direction() const { return options_.direction; }

 private:
  Trial start(ParamMap params);
  Trial& running(std::size_t number);
  void end(Trial& trial, TrialState state, std::optional<double> value, std::string note);
  bool is_better(double a, double b) const {
    return options_.direction == Direction::kMinimize ? a < b : a > b;
  }

  SearchSpace space_;
  StudyOptions options_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<StudyStorage> storage_;
  mutable std::mutex mutex_;
  std::vector<Trial> trials_;
  std::vector<std::size_t>
      lost_;  // running when an earlier process ended; the next to be asked is at the back
};

}  // namespace kolosal::hpo
