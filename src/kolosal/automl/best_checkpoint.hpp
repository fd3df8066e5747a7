#pragma once

#include <limits>
#include <vector>

#include "kolosal/automl/assembly.hpp"

namespace kolosal::automl {

/// The best blend, by the user's metric, among those that a search came by. Blends are chosen by the loss,
/// which may fall while the metric gets worse; so that more time does not hurt, the last blend gives way to
/// an earlier one with a better score.
class BestCheckpoint {
 public:
  /// results: those that the blend's trials are indices into.
  void see(const Blend& blend, const std::vector<TrialResult>& results, const metric::Metric& metric);

  /// As indices into results, which may be more than were seen; empty before a blend was.
  ensemble::WeightedMembers members_among(const std::vector<TrialResult>& results) const;

  /// `last`, or the best one seen when its score is better; made anew with the care that `last` got. results:
  /// may be more than were seen.
  Blend or_better(Blend last, const std::vector<TrialResult>& results, const ValidRows& valid,
                  const metric::Metric& metric, const Context& context) const;

 private:
  struct Member {
    std::size_t rung, number;  // of the trial
    double weight;
  };
  std::vector<Member> members_;
  double utility_ = -std::numeric_limits<double>::infinity();
};

}  // namespace kolosal::automl
