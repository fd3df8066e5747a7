#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kolosal/automl/portfolio.hpp"
#include "kolosal/automl/trial.hpp"

namespace kolosal::automl {

/// Decides what to try next: first the portfolio in its order, then, from what is known, a lower learning
/// rate for the best boosters, steps of a local search around the two best, and random points, on a view that
/// is drawn too.
///
/// Determinism: a proposal depends on the seed, the number and the known results; on the clock only through
/// `remaining_s`, which is infinite when the budget is counted in trials.
class Proposals {
 public:
  struct Settings {
    std::uint64_t seed = 0;
    std::size_t n_parallel = 1;  ///< trials or folds that run side by side
    std::size_t n_cells = 0;     ///< rows times columns: what a learner bins before its first round
    double seconds_per_cost =
        0;  ///< thread-seconds per unit of cost while nothing is known here, as a lower rung tells
    std::size_t fit_bytes = std::numeric_limits<std::size_t>::max();  ///< that one fit may take
    std::size_t patience = 0;  ///< trials after the portfolio without a gain before it ends; 0: no end
    /// Of the best blend of these results; asked only where there is patience to lose.
    std::function<double(std::span<const TrialResult>)> blend_loss;
    std::vector<std::string> views;  ///< that boosters may have in place of each other
    std::function<double()> remaining_s;
    std::function<void(const Candidate&, const std::string& why)> skipped;
  };

  Proposals(std::vector<Candidate> portfolio, Settings settings);

  std::optional<Candidate> operator()(std::size_t number, const std::vector<TrialResult>& known);

 private:
  double expected_s(const Candidate& candidate, const std::vector<TrialResult>& known) const;
  bool fits_in_time(const Candidate& candidate, const std::vector<TrialResult>& known) const;
  /// When nothing fits in the time any more: the first booster that still gets a quarter of its time. It
  /// is stopped by the deadline and keeps its rounds; better than idle threads.
  std::optional<Candidate> cut_short_booster(std::size_t number, const std::vector<TrialResult>& known) const;
  /// Why a candidate is passed over; empty when there is room for it.
  std::string obstacle(const Candidate& candidate, const std::vector<TrialResult>& known) const;
  bool patience_ended(const std::vector<TrialResult>& known);
  std::optional<Candidate> refine(std::size_t number, const std::vector<TrialResult>& known);
  /// The best of the paused trials that nothing has continued yet.
  std::optional<Candidate> continued(const std::vector<TrialResult>& known);

  std::vector<Candidate> portfolio_;
  Settings settings_;
  std::set<std::string> slowed_;     ///< labels whose learning rate was lowered already
  std::set<std::size_t> continued_;  ///< numbers of paused trials
  std::set<std::string> passed_over_;
  std::vector<double> blend_losses_;  ///< of the first portfolio_.size() + i results
};

/// What goes on to the next rung: the better half, and the best of each learner that is not far behind.
std::vector<Candidate> promoted(std::vector<TrialResult> known);

/// Thread-seconds per unit of cost on a rung, as the trials of the rung below tell; 0 when there are none.
double seconds_per_cost(const std::vector<TrialResult>& below, std::size_t n_rows_below, std::size_t n_rows);

/// Seconds that a learner needs to bin so many cells, before its first round; it can not be interrupted
/// meanwhile.
double expected_bin_s(const std::string& estimator, std::size_t n_cells);

/// A candidate with half the learning rate, twice the rounds.
Candidate with_lower_rate(const Candidate& candidate);

/// A point drawn at random from the search ranges that the centre's learner declares; what it does not
/// declare stays. Empty when the learner declares none.
std::optional<Candidate> random_point(const Candidate& centre, std::uint64_t seed);

/// A step of `length` (in units of the normalized search box) in a random direction from a booster's
/// parameters.
Candidate local_step(const Candidate& centre, double length, std::uint64_t seed);

}  // namespace kolosal::automl
