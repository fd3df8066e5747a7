#include "kolosal/ensemble/metric_ascent.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "kolosal/core/error.hpp"

namespace kolosal::ensemble {
namespace {

using Candidates = std::vector<std::span<const double>>;
/// Of all candidates; they sum to 1.
using Weights = std::vector<double>;

constexpr std::array kShares = {0.2, 0.05};  // of the weight, that a move gives to one candidate
constexpr double kLeastGain = 1e-6;          // of a score
constexpr double kNone = -std::numeric_limits<double>::infinity();

std::vector<std::size_t> members_of(const Weights& weights) {
  std::vector<std::size_t> out;
  for (std::size_t c = 0; c < weights.size(); ++c)
    if (weights[c] > 0) out.push_back(c);
  std::ranges::stable_sort(out, std::greater{}, [&](std::size_t c) { return weights[c]; });
  return out;
}

WeightedMembers as_members(const Weights& weights, double loss) {
  WeightedMembers out{members_of(weights), {}, loss};
  for (const std::size_t c : out.members) out.weights.push_back(weights[c]);
  return out;
}

std::vector<double> blended(const Candidates& candidates, const Weights& weights) {
  std::vector<double> out(candidates.front().size());
  blend(candidates, as_members(weights, 0), out);
  return out;
}

/// Candidates of the best scores.
std::vector<std::size_t> best_of(const std::vector<double>& utilities, std::size_t n) {
  std::vector<std::size_t> out(utilities.size());
  std::iota(out.begin(), out.end(), std::size_t{0});
  std::erase_if(out, [&](std::size_t c) { return std::isnan(utilities[c]); });
  std::ranges::stable_sort(out, std::greater{}, [&](std::size_t c) { return utilities[c]; });
  out.resize(std::min(out.size(), n));
  return out;
}

/// All weights that are one move away.
std::vector<Weights> moves_from(const Weights& weights, const std::vector<std::size_t>& newcomers,
                                std::size_t max_members) {
  const auto members = members_of(weights);
  std::vector<Weights> out;
  const auto give = [&](std::size_t c) {
    for (const double share : kShares) {
      Weights moved = weights;
      for (double& w : moved) w *= 1 - share;
      moved[c] += share;
      out.push_back(std::move(moved));
    }
  };
  for (const std::size_t m : members) {
    if (members.size() == 1) break;
    give(m);
    Weights without = weights;
    without[m] = 0;
    for (double& w : without) w /= 1 - weights[m];
    out.push_back(std::move(without));
  }
  for (const std::size_t c : newcomers) {
    if (weights[c] > 0) continue;
    if (members.size() < max_members) give(c);
    for (const std::size_t m : members) {
      Weights swapped = weights;
      swapped[c] = std::exchange(swapped[m], 0);
      out.push_back(std::move(swapped));
    }
  }
  return out;
}

}  // namespace

WeightedMembers metric_ascent(const data::TargetView& y, const Candidates& candidates,
                              const metric::Metric& metric, WeightedMembers start,
                              const MetricAscentParams& params, const Context& context) {
  KOLOSAL_ASSERT(!start.members.empty(), "an ascent needs a blend to start from");
  Weights weights(candidates.size());
  for (std::size_t m = 0; m < start.members.size(); ++m) weights[start.members[m]] = start.weights[m];

  const auto utility_of = [&](std::span<const double> prediction) {
    return metric.utility(metric.compute(y, prediction));
  };
  const auto all_utilities = [&](std::size_t n, const auto& prediction_of) {
    std::vector<double> out(n, std::numeric_limits<double>::quiet_NaN());
    context.parallel_blocks(n, 1, [&](std::size_t i, std::size_t) {
      if (!context.should_stop()) out[i] = utility_of(prediction_of(i));
    });
    return out;
  };
  const auto newcomers = best_of(
      all_utilities(candidates.size(), [&](std::size_t c) { return candidates[c]; }), params.n_newcomers);

  const std::vector<double> first = blended(candidates, weights);
  double utility = utility_of(first);
  const double highest_loss = metric::training_loss(y, first) * (1 + params.allowed_loss);
  constexpr std::size_t kCellsOfAllMoves = 2'000'000;
  const std::size_t n_moves =
      std::clamp<std::size_t>(kCellsOfAllMoves / first.size(), 1, std::max<std::size_t>(1, params.max_moves));
  bool has_moved = false;
  for (std::size_t step = 0; step < n_moves && !context.should_stop(); ++step) {
    const auto moves = moves_from(weights, newcomers, params.max_members);
    const auto utilities =
        all_utilities(moves.size(), [&](std::size_t i) { return blended(candidates, moves[i]); });
    bool is_higher = false;
    for (const std::size_t best : best_of(utilities, moves.size())) {
      if (!(utilities[best] > (std::isnan(utility) ? kNone : utility + kLeastGain))) break;
      if (metric::training_loss(y, blended(candidates, moves[best])) > highest_loss) continue;
      weights = moves[best];
      utility = utilities[best];
      is_higher = has_moved = true;
      break;
    }
    if (!is_higher) break;
  }
  if (!has_moved) return start;
  return as_members(weights, metric::training_loss(y, blended(candidates, weights)));
}

}  // namespace kolosal::ensemble
