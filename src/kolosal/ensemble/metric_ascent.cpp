#include "kolosal/ensemble/metric_ascent.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "kolosal/core/error.hpp"

namespace kolosal::ensemble {
namespace {

using Candidates = std::vector<std::span<const double>>;
/// Of all candidates; they sum to 1.
using Weights = std::vector<double>;

constexpr std::array kShares = {0.4, 0.15, 0.05};  // of the weight, that a move gives to one candidate
constexpr double kLeastGain = 1e-6;                // of a score

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

/// A blend and what it is worth.
struct Point {
  Weights weights;
  double utility = std::numeric_limits<double>::quiet_NaN();
  double loss = std::numeric_limits<double>::infinity();

  bool is_above(const Point& other) const {
    return utility > other.utility + kLeastGain || (std::isnan(other.utility) && !std::isnan(utility));
  }
};

class Ascent {
 public:
  Ascent(const data::TargetView& y, const Candidates& candidates, const metric::Metric& metric,
         const MetricAscentParams& params, const Context& context)
      : y_(y), candidates_(candidates), metric_(metric), params_(params), context_(context) {
    constexpr std::size_t kManyCells = 5'000, kCellsOfAllMoves = 4'000'000;
    const std::size_t n_cells = candidates.front().size();
    const std::size_t n_newcomers =
        n_cells > kManyCells ? std::min<std::size_t>(params.n_newcomers, 8) : params.n_newcomers;
    max_moves_ =
        std::clamp<std::size_t>(kCellsOfAllMoves / n_cells, 1, std::max<std::size_t>(1, params.max_moves));
    newcomers_ =
        best_of(utilities_of(candidates.size(), [&](std::size_t c) { return candidates[c]; }), n_newcomers);
  }

  Point point_of(Weights weights) const {
    const auto prediction = blended(candidates_, weights);
    const double utility = metric_.utility(metric_.compute(y_, prediction));
    return {std::move(weights), utility, metric::training_loss(y_, prediction)};
  }

  /// The best candidate alone; none after the deadline.
  std::optional<Point> best_alone() const {
    if (newcomers_.empty()) return {};
    Weights weights(candidates_.size());
    weights[newcomers_.front()] = 1;
    return point_of(std::move(weights));
  }

  /// A loss above the highest allowed one may not rise further.
  Point climb(Point at, double highest_loss) const {
    for (std::size_t step = 0; step < max_moves_ && !context_.should_stop(); ++step) {
      const auto moves = moves_from(at.weights, newcomers_, params_.max_members);
      const auto utilities =
          utilities_of(moves.size(), [&](std::size_t i) { return blended(candidates_, moves[i]); });
      bool is_higher = false;
      for (const std::size_t best : best_of(utilities, moves.size())) {
        Point next{moves[best], utilities[best]};
        if (!next.is_above(at)) break;
        next.loss = metric::training_loss(y_, blended(candidates_, next.weights));
        if (next.loss > std::max(highest_loss, at.loss)) continue;
        at = std::move(next);
        is_higher = true;
        break;
      }
      if (!is_higher) break;
    }
    return at;
  }

 private:
  template <typename PredictionOf>
  std::vector<double> utilities_of(std::size_t n, const PredictionOf& prediction_of) const {
    std::vector<double> out(n, std::numeric_limits<double>::quiet_NaN());
    context_.parallel_blocks(n, 1, [&](std::size_t i, std::size_t) {
      if (!context_.should_stop()) out[i] = metric_.utility(metric_.compute(y_, prediction_of(i)));
    });
    return out;
  }

  const data::TargetView& y_;
  const Candidates& candidates_;
  const metric::Metric& metric_;
  const MetricAscentParams& params_;
  const Context& context_;
  std::size_t max_moves_ = 0;
  std::vector<std::size_t> newcomers_;
};

}  // namespace

WeightedMembers metric_ascent(const data::TargetView& y, const Candidates& candidates,
                              const metric::Metric& metric, const std::vector<WeightedMembers>& starts,
                              const MetricAscentParams& params, const Context& context) {
  KOLOSAL_ASSERT(!starts.empty() && !starts.front().members.empty(), "an ascent needs a blend to start from");
  const Ascent ascent(y, candidates, metric, params, context);
  std::vector<Point> points;
  for (const WeightedMembers& start : starts) {
    Weights weights(candidates.size());
    for (std::size_t m = 0; m < start.members.size(); ++m) weights[start.members[m]] = start.weights[m];
    points.push_back(ascent.point_of(std::move(weights)));
  }
  const double highest_loss = points.front().loss * (1 + params.allowed_loss);
  if (auto alone = ascent.best_alone()) points.push_back(std::move(*alone));
  Point best = points.front();
  for (Point& point : points) {
    Point top = ascent.climb(std::move(point), highest_loss);
    if (top.loss <= highest_loss && top.is_above(best)) best = std::move(top);
  }
  return as_members(best.weights, best.loss);
}

}  // namespace kolosal::ensemble
