#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "kolosal/automl/feature_store.hpp"
#include "kolosal/automl/run_store.hpp"
#include "kolosal/automl/trial.hpp"
#include "kolosal/automl/valid_rows.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::automl {

/// How the search ended a trial, for the progress display.
struct SearchListener {
  std::function<void(std::size_t number, const Candidate&)> started;
  std::function<void(const TrialResult&)> ended;
  std::function<void(std::size_t number, const Candidate&, const std::string& why)> failed;
  /// Between two trials, on one thread at a time: time to write a checkpoint.
  std::function<void()> between;
};

/// Proposes the next trial from what earlier ones gave. Empty: nothing is left to try.
using Proposer =
    std::function<std::optional<Candidate>(std::size_t number, const std::vector<TrialResult>& known)>;

/// Runs trials on some folds, one (trial, fold) per thread at a time.
///
/// Order: trial t is proposed from the results of trials before t - kLag, all of them and no others, so the
/// same seed proposes the same trials on any number of threads. A proposer that has nothing to say is asked
/// once more when all trials before t have ended. A booster has to reach the best booster among the same
/// results, or it is paused.
class Search {
 public:
  static constexpr std::size_t kLag = 4;

  struct Limits {
    std::optional<std::size_t> n_trials;
    std::function<Deadline()> deadline;  ///< for fits; asked anew before each fold
    std::size_t threads_per_fit = 1;
    std::size_t rung = 0;
    std::size_t paused_bytes = 0;  ///< that paused boosters may take
  };

  Search(FeatureStore& store, const data::TargetView& y, const std::vector<pipeline::Split>& splits,
         const ValidRows& valid, const metric::Metric& metric, RunStore& run_store, SearchListener listener);

  /// Results of an earlier process; their numbers are not run again.
  void add_known(TrialResult result);
  void add_known_failure(std::size_t number);

  /// Runs until the proposer, the limits or a cancellation end it.
  void run(const Proposer& proposer, const Limits& limits, const Context& context);

  /// By number. Not while run() runs.
  const std::vector<TrialResult>& results() const { return results_; }
  /// A copy, at any time.
  std::vector<TrialResult> snapshot() const;
  /// Trials that ended, with a result or a failure, in this process or an earlier one.
  std::size_t n_ended() const;

 private:
  struct Running {
    Candidate candidate;
    std::vector<double> losses_to_reach;  ///< by fold
    std::vector<std::optional<FoldResult>> folds;
    std::size_t n_left = 0;
    std::string failure;
    bool is_unfinished = false;  ///< cut by a cancellation, or no time was left: a resumed run does it again
  };
  struct FoldTask {
    std::size_t number = 0;
    std::size_t fold = 0;
  };

  std::optional<FoldTask> next_task(std::unique_lock<std::mutex>& lock, const Proposer& proposer,
                                    const Limits& limits, const Context& context);
  bool is_settled_before(std::size_t number) const;
  /// Of the best booster among the known trials, on the validation rows of each fold.
  std::vector<double> losses_to_reach(const std::vector<TrialResult>& known) const;
  void run_task(const FoldTask& task, const Limits& limits, const Context& context);
  void finish(std::size_t number, Running trial, std::size_t rung);
  void fail(std::size_t number, const Candidate& candidate, const std::string& why, std::size_t rung);
  void work(const Proposer& proposer, const Limits& limits, const Context& context);

  FeatureStore& store_;
  const data::TargetView& y_;
  const std::vector<pipeline::Split>& splits_;
  const ValidRows& valid_;
  const metric::Metric& metric_;
  RunStore& run_store_;
  SearchListener listener_;
  PausedFits paused_;
  std::vector<FoldLoss> fold_losses_;

  mutable std::mutex mutex_;
  std::mutex between_mutex_;
  std::condition_variable changed_;
  std::size_t next_number_ = 0;
  bool exhausted_ = false;
  bool broken_ = false;  // a thread left with an exception: the others must not wait for its trial
  std::deque<FoldTask> pending_;
  std::map<std::size_t, Running> running_;
  std::map<std::size_t, bool> ended_;  // number -> has a result
  std::vector<TrialResult> results_;
};

}  // namespace kolosal::automl
