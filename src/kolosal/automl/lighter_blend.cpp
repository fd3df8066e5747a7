#include "kolosal/automl/lighter_blend.hpp"

#include <algorithm>
#include <optional>

namespace kolosal::automl {
namespace {

constexpr double kNearBytes = 1 << 20;  // what is less is read from a near cache anyhow
constexpr double kLargeShare = 0.2;     // of all bytes
// Of the width of the 95 % interval of the score: a hundredth of the standard error.
constexpr double kIndifferentShare = 0.0025;

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
  if (large_members(blend, results).empty()) return blend;
  const auto interval = score_interval(judged(blend), blend.score, valid, metric, context);
  if (!interval) return blend;
  double least = metric.utility(blend.score) - kIndifferentShare * (interval->high - interval->low);
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
  while (auto next = without_one()) blend = std::move(*next);
  return blend;
}

}  // namespace kolosal::automl
