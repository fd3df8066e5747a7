#include "kolosal/ensemble/stacking.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;
using Candidates = std::vector<std::span<const double>>;

constexpr double kMinProbability = 1e-15;

/// Rows by candidates: the probability of the true class, or the error.
struct Table {
  bool is_regression = false;
  std::size_t n_rows = 0;
  std::vector<std::vector<double>> columns;  // by candidate
  std::vector<double> weights;               // of the rows; sum 1
};

Table table_of(const TargetView& y, const Candidates& candidates, const std::vector<std::size_t>& used,
               std::size_t max_rows, Rng& rng) {
  std::vector<std::uint32_t> order(y.values.size());
  std::iota(order.begin(), order.end(), 0U);
  if (order.size() > max_rows) {
    rng.shuffle(order);
    order.resize(max_rows);
    std::ranges::sort(order);
  }
  const std::size_t width = y.n_outputs();
  std::erase_if(order, [&](std::uint32_t row) {
    return std::ranges::any_of(used,
                               [&](std::size_t c) { return !std::isfinite(candidates[c][row * width]); });
  });
  if (order.empty())
    throw Error(ErrorCode::kData, "no ensemble can be made: no row has a prediction of each model");
  Table out;
  out.is_regression = y.task == Task::kRegression;
  out.n_rows = order.size();
  double total = 0;
  for (const std::uint32_t row : order) out.weights.push_back(y.weight(row)), total += y.weight(row);
  for (double& weight : out.weights) weight /= total;
  for (const std::size_t c : used) {
    auto& column = out.columns.emplace_back();
    for (const std::uint32_t row : order) {
      const double p =
          candidates[c][row * width +
                        (y.task == Task::kMulticlass ? static_cast<std::size_t>(y.values[row]) : 0)];
      column.push_back(out.is_regression         ? p - y.values[row]
                       : y.task == Task::kBinary ? std::max(y.values[row] > 0.5 ? p : 1 - p, kMinProbability)
                                                 : std::max(p, kMinProbability));
    }
  }
  return out;
}

/// The nearest point of the simplex (Duchi et al. 2008).
void project_to_simplex(std::vector<double>& w) {
  std::vector<double> sorted = w;
  std::ranges::sort(sorted, std::greater());
  double sum = 0, shift = 0;
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    sum += sorted[k];
    const double candidate = (sum - 1) / static_cast<double>(k + 1);
    if (sorted[k] - candidate > 0) shift = candidate;
  }
  for (double& value : w) value = std::max(0.0, value - shift);
}

/// Minimizes w' G w over the simplex, G the products of the errors: accelerated projected gradient (Beck and
/// Teboulle 2009).
std::vector<double> least_squares(const Table& table, std::size_t max_iterations) {
  const std::size_t k = table.columns.size();
  std::vector<double> gram(k * k);
  double trace = 0;
  for (std::size_t a = 0; a < k; ++a)
    for (std::size_t b = 0; b <= a; ++b) {
      double sum = 0;
      for (std::size_t i = 0; i < table.n_rows; ++i)
        sum += table.weights[i] * table.columns[a][i] * table.columns[b][i];
      gram[a * k + b] = gram[b * k + a] = sum;
      if (a == b) trace += sum;
    }
  std::vector<double> w(k, 1 / static_cast<double>(k)), ahead = w;
  if (!(trace > 0)) return w;
  double momentum = 1;
  for (std::size_t step = 0; step < 20 * max_iterations; ++step) {
    std::vector<double> next = ahead;
    for (std::size_t a = 0; a < k; ++a)
      for (std::size_t b = 0; b < k; ++b) next[a] -= gram[a * k + b] * ahead[b] / trace;
    project_to_simplex(next);
    double moved = 0;
    const double later = (1 + std::sqrt(1 + 4 * momentum * momentum)) / 2;
    for (std::size_t a = 0; a < k; ++a) {
      moved = std::max(moved, std::fabs(next[a] - w[a]));
      ahead[a] = next[a] + (momentum - 1) / later * (next[a] - w[a]);
    }
    momentum = later;
    w = std::move(next);
    if (moved < 1e-9) break;
  }
  return w;
}

std::vector<double> mixture(const Table& table, std::size_t max_iterations) {
  const std::size_t k = table.columns.size();
  std::vector<double> w(k, 1 / static_cast<double>(k)), blended(table.n_rows);
  for (std::size_t step = 0; step < max_iterations; ++step) {
    std::ranges::fill(blended, 0.0);
    for (std::size_t c = 0; c < k; ++c)
      for (std::size_t i = 0; i < table.n_rows; ++i) blended[i] += w[c] * table.columns[c][i];
    for (std::size_t i = 0; i < table.n_rows; ++i) blended[i] = table.weights[i] / blended[i];
    double moved = 0;
    for (std::size_t c = 0; c < k; ++c) {
      double share = 0;
      for (std::size_t i = 0; i < table.n_rows; ++i) share += table.columns[c][i] * blended[i];
      moved = std::max(moved, std::fabs(share - 1) * w[c]);
      w[c] *= share;
    }
    if (moved < 1e-6) break;
  }
  return w;
}

/// The members that are kept, of those with these weights: not too light, not too many, the heaviest first.
std::vector<std::size_t> heaviest(const std::vector<double>& weights, const StackingParams& params) {
  std::vector<std::size_t> out(weights.size());
  std::iota(out.begin(), out.end(), std::size_t{0});
  std::ranges::stable_sort(out, std::greater(), [&](std::size_t i) { return weights[i]; });
  std::size_t n = 1;
  while (n < out.size() && n < params.max_members && weights[out[n]] >= params.minimum_weight) ++n;
  out.resize(n);
  return out;
}

double loss_of(const TargetView& y, const Candidates& candidates, const WeightedMembers& chosen) {
  std::vector<double> blended(candidates.front().size());
  blend(candidates, chosen, blended);
  return metric::training_loss(y, blended);
}

}  // namespace

WeightedMembers convex_stacking(const TargetView& y, const Candidates& candidates,
                                const StackingParams& params, const Context& context) {
  KOLOSAL_ASSERT(!candidates.empty(), "an ensemble needs a candidate");
  KOLOSAL_ASSERT(y.n_outputs() == 1 || y.task == Task::kMulticlass, "several quantiles are not stacked");
  std::vector<std::size_t> used(candidates.size());
  std::iota(used.begin(), used.end(), std::size_t{0});
  std::vector<double> weights;
  for (;;) {  // until no member is too light
    Rng rng(derive_seed(context.seed, {"stacking"}));
    const Table table = table_of(y, candidates, used, params.max_rows, rng);
    weights = table.is_regression ? least_squares(table, params.max_iterations)
                                  : mixture(table, params.max_iterations);
    const auto kept = heaviest(weights, params);
    std::vector<std::size_t> next;
    std::vector<double> kept_weights;
    for (const std::size_t i : kept) next.push_back(used[i]), kept_weights.push_back(weights[i]);
    const bool is_settled = next.size() == used.size();
    used = std::move(next);
    weights = std::move(kept_weights);
    if (is_settled) break;
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= total;
  WeightedMembers out{std::move(used), std::move(weights), 0};
  out.loss = loss_of(y, candidates, out);
  return out;
}

double cross_fitted_loss(const TargetView& y, const Candidates& candidates, std::size_t n_folds,
                         const std::function<WeightedMembers(const TargetView&, const Candidates&)>& weigh,
                         const Context& context) {
  const std::size_t n = y.values.size(), width = y.n_outputs();
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  Rng(derive_seed(context.seed, {"cross_fit"})).shuffle(order);
  std::vector<double> blended(n * width);
  for (std::size_t fold = 0; fold < n_folds; ++fold) {
    std::vector<double> values, weights;
    std::vector<std::vector<double>> parts(candidates.size());
    for (std::size_t i = 0; i < n; ++i) {
      if (i % n_folds == fold) continue;
      values.push_back(y.values[order[i]]);
      if (!y.weights.empty()) weights.push_back(y.weights[order[i]]);
      for (std::size_t c = 0; c < candidates.size(); ++c)
        for (std::size_t k = 0; k < width; ++k) parts[c].push_back(candidates[c][order[i] * width + k]);
    }
    const WeightedMembers chosen =
        weigh({y.task, values, weights, y.n_classes, y.quantiles}, {parts.begin(), parts.end()});
    for (std::size_t i = fold; i < n; i += n_folds)
      for (std::size_t m = 0; m < chosen.members.size(); ++m)
        for (std::size_t k = 0; k < width; ++k)
          blended[order[i] * width + k] +=
              chosen.weights[m] * candidates[chosen.members[m]][order[i] * width + k];
  }
  return metric::training_loss(y, blended);
}

}  // namespace kolosal::ensemble
