#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace kolosal::hpo {

/// Terms: a resource is what a trial costs (rows, rounds, epochs). A rung is a level of it; rung k has
/// min_resource * eta^(k + early_stopping_rate), the last one max_resource. Of the trials of a rung the best
/// 1/eta go on to the next.
struct HalvingParams {
  std::size_t min_resource = 1;
  std::size_t max_resource = 81;
  double eta = 3;                       ///< above 1
  std::size_t early_stopping_rate = 0;  ///< "s": how many of the lowest rungs are left out
  /// Trials that enter the lowest rung. Asynchronous: may be without limit.
  std::size_t n_trials = std::numeric_limits<std::size_t>::max();
  /// A trial goes on as soon as it is among the best 1/eta of those seen so far (ASHA: Li et al., 2020,
  /// algorithm 2); nobody waits. Otherwise a rung is closed first, then its best floor(n / eta), at least
  /// one, go on (Jamieson and Talwalkar, 2016).
  bool asynchronous = true;
};

/// The resource of each rung, rising. @throws Error kInvalidParameter: eta, resources or s make no rung.
std::vector<std::size_t> rung_resources(const HalvingParams& params);

/// One bracket of Hyperband (Li et al., 2018): how many trials start, and on which s.
struct Bracket {
  std::size_t early_stopping_rate = 0;
  std::size_t n_trials = 0;
};
/// From the most aggressive stopping to none; all cost about the same.
std::vector<Bracket> hyperband_brackets(std::size_t min_resource, std::size_t max_resource, double eta);

/// Decides which trial runs next and how far. Knows trials by number only; smaller losses are better.
///
///   SuccessiveHalving halving({.max_resource = 100});
///   while (auto job = halving.next()) halving.report(job->trial, job->rung, loss_after(job->trial,
///   job->resource));
///
/// Order:   the same reports in the same order give the same jobs. Equal losses: the lower number is better.
/// Resume:  report() takes trials that this object never handed out, so a new one is fed the reports of an
/// earlier process. What was
///          running then is handed out again: a promotion because it is still due, a new trial after
///          take_back().
/// Threads: the caller has the lock.
class SuccessiveHalving {
 public:
  struct Job {
    std::size_t trial = 0;
    std::size_t rung = 0;
    std::size_t resource = 0;
    bool operator==(const Job&) const = default;
  };

  explicit SuccessiveHalving(HalvingParams params);

  /// Empty: nothing to do now. Then either is_finished(), or running jobs must report first (synchronous: a
  /// rung is open; asynchronous: n_trials have started).
  std::optional<Job> next();
  /// The loss at the end of a rung. A loss that is no number is the worst: the trial does not go on.
  void report(std::size_t trial, std::size_t rung, double loss);
  /// The trial has no loss; it counts as one of its rung.
  void report_failure(std::size_t trial, std::size_t rung);
  /// The job was not done and shall be handed out again.
  void take_back(const Job& job);

  /// All that can be done is done.
  bool is_finished() const;
  const std::vector<std::size_t>& resources() const { return resources_; }
  std::size_t n_rungs() const { return resources_.size(); }
  /// Trials that reported at a rung, the best first.
  std::vector<std::size_t> ranking(std::size_t rung) const;

 private:
  struct Rung {
    std::map<std::size_t, double> losses;  // by trial; infinite: failed
    std::set<std::size_t> running;
    std::set<std::size_t> promoted;  // handed out for the next rung
  };

  std::optional<std::size_t> promotable(std::size_t rung) const;
  std::size_t n_to_promote(std::size_t rung) const;
  bool is_closed(std::size_t rung) const;
  Job start(std::size_t trial, std::size_t rung);

  HalvingParams params_;
  std::vector<std::size_t> resources_;
  std::vector<Rung> rungs_;
  std::set<std::size_t> again_;  // taken back from the lowest rung
  std::size_t next_trial_ = 0;
};

}  // namespace kolosal::hpo
