#include "kolosal/automl/lighter_blend.hpp"

#include <algorithm>
#include <optional>

namespace kolosal::automl {
namespace {

constexpr double kNearBytes = 1 << 20;  // what is less is read from a near cache anyhow
constexpr double kLargeShare = 0.2;     // of all bytes
constexpr double kIndifferentShare =
    0.0025;  // of the width of the interval: a hundredth of the standard error

/// Positions of the members with a large share of the bytes, the largest first.
std::vector<std::size_t> large_members(const Blend& blend, const std::vector<TrialResult>& results) {
  const auto bytes = [&](std::size_t i) { return static_cast<double>(results[blend.trials[i]].size_bytes); };
  double total = 0;
  for (std::size_t i = 0; i < blend.trials.size(); ++i) total += bytes(i);
  std::vector<std::size_t> out;
  if (total <= kNearBytes || blend.trials.size() < 2) return out;
  for (std::size_t i = 0; i < blend.trials.size(); ++i)
    if (bytes(i) >= kLargeShare * total) out.push_back(i);
  std::ranges::stable_sort(out, std::greater{}, bytes);
  return out;
}

ensemble::WeightedMembers members_without(const Blend& blend, std::size_t position) {
  ensemble::WeightedMembers out;
  for (std::size_t i = 0; i < blend.trials.size(); ++i) {
    if (i == position) continue;
    out.members.push_back(blend.trials[i]);
    out.weights.push_back(blend.weights[i] / (1 - blend.weights[position]));
  }
  return out;
}

}  // namespace

Blend lighter(Blend blend, const std::vector<TrialResult>& results, const ValidRows& valid,
              const metric::Metric& metric, const Context& context) {
  if (!blend.interval) return blend;
  double least =
      metric.utility(blend.score) - kIndifferentShare * (blend.interval->high - blend.interval->low);
  for (const TrialResult& result : results)
    if (metric.utility(result.score) > least) least = metric.utility(result.score);
  const auto without_one = [&]() -> std::optional<Blend> {
    for (const std::size_t i : large_members(blend, results)) {
      if (context.should_stop()) return {};
      Blend out = blend_of(members_without(blend, i), results, valid, metric, blend.care, context);
      if (metric.utility(out.score) >= least) return out;
    }
    return {};
  };
  bool is_changed = false;
  while (auto next = without_one()) {
    next->trial_intervals = std::move(blend.trial_intervals);
    blend = std::move(*next);
    is_changed = true;
  }
  if (is_changed) blend.interval = score_interval(judged(blend), blend.score, valid, metric, context);
  return blend;
}

}  // namespace kolosal::automl
