#include "kolosal/automl/best_checkpoint.hpp"

#include <algorithm>

#include "kolosal/core/error.hpp"

namespace kolosal::automl {

void BestCheckpoint::see(const Blend& blend, const std::vector<TrialResult>& results,
                         const metric::Metric& metric) {
  const double utility = metric.utility(blend.score);
  if (!(utility > utility_)) return;  // nor one without a score
  utility_ = utility;
  members_.clear();
  for (std::size_t i = 0; i < blend.trials.size(); ++i) {
    const TrialResult& trial = results[blend.trials[i]];
    members_.push_back({trial.rung, trial.number, blend.weights[i]});
  }
}

ensemble::WeightedMembers BestCheckpoint::members_among(const std::vector<TrialResult>& results) const {
  ensemble::WeightedMembers out;
  for (const Member& member : members_) {
    const auto found = std::ranges::find_if(results, [&](const TrialResult& result) {
      return result.rung == member.rung && result.number == member.number;
    });
    KOLOSAL_ASSERT(found != results.end(), "results do not go away");
    out.members.push_back(static_cast<std::size_t>(found - results.begin()));
    out.weights.push_back(member.weight);
  }
  return out;
}

Blend BestCheckpoint::or_better(Blend last, const std::vector<TrialResult>& results, const ValidRows& valid,
                                const metric::Metric& metric, const Context& context) const {
  if (members_.empty() || !(utility_ > metric.utility(last.score))) return last;
  Blend earlier = blend_of(members_among(results), results, valid, metric, last.care, context);
  return metric.utility(earlier.score) > metric.utility(last.score) ? earlier : last;
}

}  // namespace kolosal::automl
