#pragma once

#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/ensemble/greedy_selection.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::ensemble {

struct MetricAscentParams {
  std::size_t max_members = 5;
  std::size_t n_newcomers = 30;  ///< Candidates beside the members, those of the best scores; 8 on many rows.
  std::size_t max_moves = 40;    ///< From each start; fewer on many rows.
  double allowed_loss = 0.03;    ///< By how much, of itself, metric::training_loss may rise in all.
};

/// Moves blends that were chosen by the loss uphill in a metric that the loss does not tell of, such as the
/// area under the curve. Steepest ascent: of all moves (some of the weight to one candidate, a newcomer in
/// the place of a member, a member left out) the one of the best score, as long as there is a better one;
/// from each of the starts and from the best candidate alone, and the best end is taken. The bound on the
/// loss, that of the first start, keeps it from following the noise of few rows.
///
/// Shapes: as greedy_selection(); predictions are finite. Same input, same result, for any number of threads.
/// Stops at the deadline with what it has, which is never worse than the first start.
WeightedMembers metric_ascent(const data::TargetView& y,
                              const std::vector<std::span<const double>>& candidates,
                              const metric::Metric& metric, const std::vector<WeightedMembers>& starts,
                              const MetricAscentParams& params, const Context& context);

}  // namespace kolosal::ensemble
