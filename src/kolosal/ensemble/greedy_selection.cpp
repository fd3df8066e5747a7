#include "kolosal/ensemble/greedy_selection.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/kernel/multiversion.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;
using Candidates = std::vector<std::span<const double>>;

constexpr double kMinProbability = 1e-15;
constexpr std::size_t kLanes = 16;
constexpr double kNoLimit = std::numeric_limits<double>::infinity();

/// Sum of log(max(sum[i] + added[i], floor)). The numbers are multiplied, and one logarithm is taken of 256
/// of them: 16 lanes with 16 factors each, which are at least 1e-15 and at most the number of steps, so that
/// no product leaves the range of a double; then the exponents are cut off and the 16 fractions are
/// multiplied.
KOLOSAL_KERNEL(double, sum_of_logs, (const double* sum, const float* added, double floor, std::size_t n),
               (sum, added, floor, n)) {
  constexpr std::size_t kFactors = 16, kBlock = kLanes * kFactors;
  constexpr std::uint64_t kFraction = (std::uint64_t{1} << 52) - 1;
  double out = 0;
  std::int64_t exponents = 0;
  std::size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    double product[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) product[lane] = 1;
    for (std::size_t factor = 0; factor < kFactors; ++factor) {
      const double* s = sum + i + factor * kLanes;
      const float* a = added + i + factor * kLanes;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double value = s[lane] + static_cast<double>(a[lane]);
        product[lane] *= value > floor ? value : floor;
      }
    }
    double fractions = 1;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const auto bits = std::bit_cast<std::uint64_t>(product[lane]);
      exponents += static_cast<std::int64_t>(bits >> 52) - 1023;
      fractions *= std::bit_cast<double>((bits & kFraction) | (std::uint64_t{1023} << 52));
    }
    out += std::log(fractions);
  }
  for (; i < n; ++i) out += std::log(std::max(sum[i] + static_cast<double>(added[i]), floor));
  return out + static_cast<double>(exponents) * 0.6931471805599453;
}

double weighted_sum_of_logs(const double* sum, const float* added, const double* weights, double floor,
                            std::size_t n) {
  double out = 0;
  for (std::size_t i = 0; i < n; ++i)
    out += weights[i] * std::log(std::max(sum[i] + static_cast<double>(added[i]), floor));
  return out;
}

KOLOSAL_KERNEL(double, sum_of_squares,
               (const double* sum, const float* added, const double* weights, std::size_t n),
               (sum, added, weights, n)) {
  double lanes[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = 0;
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = sum[i + lane] + static_cast<double>(added[i + lane]);
      lanes[lane] += weights[i + lane] * (value * value);
    }
  double out = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) out += lanes[lane];
  for (; i < n; ++i) {
    const double value = sum[i] + static_cast<double>(added[i]);
    out += weights[i] * (value * value);
  }
  return out;
}

/// Sum of the pinball losses of the mean error; errors are prediction - target, of n_members together.
KOLOSAL_KERNEL(double, sum_of_pinballs,
               (const double* sum, const float* added, const double* weights, double quantile, std::size_t n),
               (sum, added, weights, quantile, n)) {
  double lanes[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = 0;
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = sum[i + lane] + static_cast<double>(added[i + lane]);
      lanes[lane] += weights[i + lane] * (value > 0 ? (1 - quantile) * value : -quantile * value);
    }
  double out = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) out += lanes[lane];
  for (; i < n; ++i) {
    const double value = sum[i] + static_cast<double>(added[i]);
    out += weights[i] * (value > 0 ? (1 - quantile) * value : -quantile * value);
  }
  return out;
}

/// All that the selection must know of a row: log loss reads the probability of its true class only, squared
/// error and pinball losses its error.
struct Sample {
  bool is_regression = false;
  std::vector<double> quantiles;  // whose pinball losses count; empty: squared error
  // By candidate: the probability of the true class, or prediction - target, the rows of each quantile in
  // turn.
  std::vector<std::vector<float>> values;
  std::vector<double> weights;  // empty: all rows count 1; never empty for regression
  std::size_t n_rows = 0;

  std::size_t n_values() const { return n_rows * std::max<std::size_t>(1, quantiles.size()); }

  /// Loss of the mean of `n_members` candidates whose sum is `sum` plus `added`; scaled, the order is all
  /// that counts.
  double loss(const std::vector<double>& sum, const std::vector<float>& added, std::size_t n_members) const {
    const auto k = static_cast<double>(n_members);
    if (!quantiles.empty()) {
      double out = 0;
      for (std::size_t q = 0; q < quantiles.size(); ++q)
        out += sum_of_pinballs(sum.data() + q * n_rows, added.data() + q * n_rows, weights.data(),
                               quantiles[q], n_rows);
      return out / k;
    }
    if (is_regression) return sum_of_squares(sum.data(), added.data(), weights.data(), n_rows) / (k * k);
    const double floor = kMinProbability * k;
    if (weights.empty())
      return static_cast<double>(n_rows) * std::log(k) - sum_of_logs(sum.data(), added.data(), floor, n_rows);
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    return total * std::log(k) -
           weighted_sum_of_logs(sum.data(), added.data(), weights.data(), floor, n_rows);
  }
};

bool is_usable(const Candidates& candidates, std::size_t row, std::size_t n_outputs) {
  for (const auto& candidate : candidates)
    for (std::size_t k = row * n_outputs; k < (row + 1) * n_outputs; ++k)
      if (!std::isfinite(candidate[k])) return false;
  return true;
}

/// Up to max_rows rows where every candidate has a prediction, ascending.
std::vector<std::uint32_t> sample_rows(const TargetView& y, const Candidates& candidates,
                                       std::size_t max_rows, Rng& rng) {
  std::vector<std::uint32_t> order(y.values.size()), out;
  std::iota(order.begin(), order.end(), 0U);
  if (order.size() > max_rows) rng.shuffle(order);
  for (const std::uint32_t row : order) {
    if (out.size() == max_rows) break;
    if (is_usable(candidates, row, y.n_outputs())) out.push_back(row);
  }
  if (out.empty())
    throw Error(ErrorCode::kData,
                "no ensemble can be made: of {} rows none has a finite prediction of each of {} models",
                y.values.size(), candidates.size());
  std::ranges::sort(out);
  return out;
}

std::vector<std::uint32_t> bag_of(std::vector<std::uint32_t> rows, Rng& rng) {
  const std::size_t n = std::max<std::size_t>(1, rows.size() * 7 / 10);
  rng.shuffle(rows);
  rows.resize(n);
  std::ranges::sort(rows);
  return rows;
}

Sample make_sample(const TargetView& y, const Candidates& candidates, const std::vector<std::uint32_t>& rows,
                   const Context& context) {
  Sample out;
  out.is_regression = y.task == Task::kRegression;
  out.quantiles.assign(y.quantiles.begin(), y.quantiles.end());
  out.n_rows = rows.size();
  out.values.resize(candidates.size());
  if (out.is_regression || !y.weights.empty())
    for (const std::uint32_t row : rows) out.weights.push_back(y.weight(row));
  context.parallel_blocks(candidates.size(), 1, [&](std::size_t c, std::size_t) {
    auto& values = out.values[c];
    values.reserve(out.n_values());
    for (std::size_t q = 0; q < y.quantiles.size(); ++q)
      for (const std::uint32_t row : rows)
        values.push_back(static_cast<float>(candidates[c][row * y.n_outputs() + q] - y.values[row]));
    if (!y.quantiles.empty()) return;
    for (const std::uint32_t row : rows) {
      const double p =
          candidates[c][row * y.n_outputs() +
                        (y.task == Task::kMulticlass ? static_cast<std::size_t>(y.values[row]) : 0)];
      const double value = y.task == Task::kRegression ? p - y.values[row]
                           : y.task == Task::kBinary   ? (y.values[row] > 0.5 ? p : 1 - p)
                                                       : p;
      values.push_back(static_cast<float>(value));
    }
  });
  return out;
}

struct Selection {
  std::vector<double> weights;  // of all candidates; they sum to 1
  double loss = 0;              // as Sample::loss() has it
};

/// How often each candidate was added, up to the step with the smallest loss.
Selection select(const Sample& sample, const std::vector<std::size_t>& allowed,
                 const GreedySelectionParams& params, const Context& context) {
  double spent = 0;
  const auto cost = [&](std::size_t c) { return params.costs.empty() ? 0.0 : params.costs[c]; };
  std::vector<double> sum(sample.n_values()), losses(allowed.size());
  std::vector<std::size_t> steps;
  std::size_t n_best_steps = 1;
  double best_loss = std::numeric_limits<double>::infinity();
  for (std::size_t step = 1; step <= std::max<std::size_t>(1, params.n_steps); ++step) {
    if (step > 1 && context.should_stop()) break;
    context.parallel_blocks(allowed.size(), 4, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) losses[k] = sample.loss(sum, sample.values[allowed[k]], step);
    });
    const auto is_member = [&](std::size_t c) { return std::ranges::find(steps, c) != steps.end(); };
    for (std::size_t k = 0; k < allowed.size() && params.max_cost < kNoLimit; ++k)
      if (step > 1 && !is_member(allowed[k]) && spent + cost(allowed[k]) > params.max_cost)
        losses[k] = kNoLimit;
    const auto best = static_cast<std::size_t>(std::ranges::min_element(losses) - losses.begin());
    if (!is_member(allowed[best])) spent += cost(allowed[best]);
    steps.push_back(allowed[best]);
    if (losses[best] < best_loss) {
      best_loss = losses[best];
      n_best_steps = step;
    }
    const auto& added = sample.values[allowed[best]];
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(added[i]);
  }
  std::vector<double> weights(sample.values.size());
  for (std::size_t k = 0; k < n_best_steps; ++k) weights[steps[k]] += 1 / static_cast<double>(n_best_steps);
  return {std::move(weights), best_loss};
}

std::vector<double> select_in_bags(const std::vector<Sample>& bags, const std::vector<std::size_t>& allowed,
                                   const GreedySelectionParams& params, const Context& context) {
  std::vector<double> mean(bags.front().values.size());
  for (const Sample& bag : bags) {
    const auto weights = select(bag, allowed, params, context).weights;
    for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += weights[c] / static_cast<double>(bags.size());
  }
  return mean;
}

/// Candidates with weight, the heaviest first; of equal ones the earlier.
std::vector<std::size_t> by_weight(const std::vector<double>& weights) {
  std::vector<std::size_t> out;
  for (std::size_t c = 0; c < weights.size(); ++c)
    if (weights[c] > 0) out.push_back(c);
  std::ranges::stable_sort(out, std::greater{}, [&](std::size_t c) { return weights[c]; });
  return out;
}

/// Loss of the blend on all rows where its members have a prediction.
double loss_on_all_rows(const TargetView& y, const Candidates& candidates, const WeightedMembers& chosen) {
  std::vector<double> blended(candidates.front().size());
  blend(candidates, chosen, blended);
  const std::size_t n_outputs = y.n_outputs();
  std::vector<double> values, weights, prediction;
  for (std::size_t row = 0; row < y.values.size(); ++row) {
    const auto outputs = std::span(blended).subspan(row * n_outputs, n_outputs);
    if (!std::ranges::all_of(outputs, [](double p) { return std::isfinite(p); })) continue;
    values.push_back(y.values[row]);
    if (!y.weights.empty()) weights.push_back(y.weights[row]);
    prediction.insert(prediction.end(), outputs.begin(), outputs.end());
  }
  return metric::training_loss({y.task, values, weights, y.n_classes, y.quantiles}, prediction);
}

/// Selection among the allowed ones, at most max_members of them.
WeightedMembers choose(const std::vector<Sample>& bags, const std::vector<std::size_t>& allowed,
                       std::size_t max_members, const GreedySelectionParams& params, const Context& context) {
  std::vector<double> weights = select_in_bags(bags, allowed, params, context);
  WeightedMembers out{by_weight(weights), {}, 0};
  if (out.members.size() > max_members) {
    // The heaviest stay; their weights are chosen anew, since they now do the work of those that left.
    out.members.resize(max_members);
    if (!context.should_stop()) {
      weights = select_in_bags(bags, out.members, params, context);
      out.members = by_weight(weights);
    }
  }
  double total = 0;
  for (const std::size_t c : out.members) total += weights[c];
  std::erase_if(out.members, [&](std::size_t c) {
    return c != out.members.front() && weights[c] < params.minimum_weight * total;
  });
  total = 0;
  for (const std::size_t c : out.members) total += weights[c];
  for (const std::size_t c : out.members) out.weights.push_back(weights[c] / total);
  return out;
}

/// Affordable candidates of which all sets are looked at: those of smallest loss.
constexpr std::size_t kMostInSets = 10;
/// Rows on which the sets are compared; the best one is weighed on all.
constexpr std::size_t kRowsOfSets = 4000;

Sample every_kth_row(const Sample& sample, std::size_t n_rows) {
  const std::size_t step = (sample.n_rows + n_rows - 1) / n_rows;
  if (step <= 1) return sample;
  Sample out;
  out.is_regression = sample.is_regression;
  out.quantiles = sample.quantiles;
  out.n_rows = (sample.n_rows + step - 1) / step;
  out.values.resize(sample.values.size());
  for (std::size_t c = 0; c < sample.values.size(); ++c)
    for (std::size_t first = 0; first < sample.n_values(); first += sample.n_rows)
      for (std::size_t i = 0; i < sample.n_rows; i += step)
        out.values[c].push_back(sample.values[c][first + i]);
  for (std::size_t i = 0; i < sample.weights.size(); i += step) out.weights.push_back(sample.weights[i]);
  return out;
}

/// Sets of `from` (bits of its positions) that have at most max_members, cost at most max_cost together, and
/// to which nothing can be added: what is best in a smaller set is found in a larger one, with weights of 0.
std::vector<std::vector<std::size_t>> fullest_sets(const std::vector<std::size_t>& from,
                                                   std::size_t max_members,
                                                   const GreedySelectionParams& params) {
  std::vector<std::vector<std::size_t>> out;
  for (std::uint32_t bits = 1; bits < (1U << from.size()); ++bits) {
    std::vector<std::size_t> set;
    double cost = 0, cheapest_other = kNoLimit;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const double own = params.costs[from[i]];
      if ((bits >> i & 1U) == 0) {
        cheapest_other = std::min(cheapest_other, own);
        continue;
      }
      set.push_back(from[i]);
      cost += own;
    }
    const bool is_full = set.size() == max_members || cost + cheapest_other > params.max_cost;
    if (set.size() <= max_members && cost <= params.max_cost && is_full) out.push_back(std::move(set));
  }
  return out;
}

/// The best of all sets of the most promising affordable candidates; empty when none is affordable.
std::vector<std::size_t> best_set(const Sample& sample, std::size_t max_members,
                                  const GreedySelectionParams& params, const Context& context) {
  std::vector<std::size_t> from;
  for (std::size_t c = 0; c < params.costs.size(); ++c)
    if (params.costs[c] <= params.max_cost) from.push_back(c);
  const Sample some = every_kth_row(sample, kRowsOfSets);
  const std::vector<double> nothing(some.n_values());
  std::vector<double> own(params.costs.size());
  for (const std::size_t c : from) own[c] = some.loss(nothing, some.values[c], 1);
  std::ranges::stable_sort(from, {}, [&](std::size_t c) { return own[c]; });
  from.resize(std::min(from.size(), kMostInSets));
  std::ranges::sort(from);
  std::vector<std::size_t> best;
  double best_loss = kNoLimit;
  for (auto& set : fullest_sets(from, max_members, params)) {
    if (context.should_stop()) break;
    const double loss = select(some, set, params, context).loss;
    if (loss < best_loss) {
      best_loss = loss;
      best = std::move(set);
    }
  }
  return best;
}

/// The best selection that does not cost more than max_cost.
WeightedMembers choose_within_cost(const TargetView& y, const Candidates& candidates,
                                   const std::vector<Sample>& bags, std::size_t max_members,
                                   const GreedySelectionParams& params, const Context& context) {
  WeightedMembers best;
  for (std::size_t n = 1; n <= max_members; ++n) {
    std::vector<std::size_t> allowed;
    for (std::size_t c = 0; c < candidates.size(); ++c)
      if (params.costs[c] * static_cast<double>(n) <= params.max_cost) allowed.push_back(c);
    if (allowed.empty()) break;
    WeightedMembers found = choose(bags, allowed, n == 1 ? max_members : n, params, context);
    found.loss = loss_on_all_rows(y, candidates, found);
    if (best.members.empty() || found.loss < best.loss) best = std::move(found);
  }
  if (const auto set = best_set(bags.front(), max_members, params, context); !set.empty()) {
    WeightedMembers found = choose(bags, set, max_members, params, context);
    found.loss = loss_on_all_rows(y, candidates, found);
    if (found.loss < best.loss) best = std::move(found);
  }
  if (best.members.empty())
    best = {
        {static_cast<std::size_t>(std::ranges::min_element(params.costs) - params.costs.begin())}, {1.0}, 0};
  return best;
}

}  // namespace

WeightedMembers greedy_selection(const TargetView& y, const Candidates& candidates,
                                 const GreedySelectionParams& given, const Context& context) {
  GreedySelectionParams params = given;
  if (params.max_members <= 1) params.n_steps = params.n_bags = 1;  // samples of the rows would tell another
  KOLOSAL_ASSERT(!candidates.empty(), "an ensemble needs a candidate");
  KOLOSAL_ASSERT(params.costs.empty() || params.costs.size() == candidates.size(), "one cost per candidate");
  for (const auto& candidate : candidates)
    KOLOSAL_ASSERT(candidate.size() == y.values.size() * y.n_outputs(), "one prediction per row and output");
  Rng rng(derive_seed(context.seed, {"greedy_selection"}));
  const auto rows = sample_rows(y, candidates, params.max_rows, rng);
  const bool is_limited = params.max_cost < kNoLimit;
  std::vector<Sample> bags;
  // The members of several bags together could cost more than any of them.
  if (params.n_bags <= 1 || is_limited) bags.push_back(make_sample(y, candidates, rows, context));
  for (std::size_t bag = 0; params.n_bags > 1 && bag < params.n_bags && !is_limited; ++bag)
    bags.push_back(make_sample(y, candidates, bag_of(rows, rng), context));

  std::vector<std::size_t> allowed(candidates.size());
  std::iota(allowed.begin(), allowed.end(), std::size_t{0});
  const std::size_t max_members = std::max<std::size_t>(1, params.max_members);
  WeightedMembers out = is_limited ? choose_within_cost(y, candidates, bags, max_members, params, context)
                                   : choose(bags, allowed, max_members, params, context);
  out.loss = loss_on_all_rows(y, candidates, out);
  return out;
}

void blend(const Candidates& candidates, const WeightedMembers& chosen, std::span<double> out) {
  std::ranges::fill(out, 0.0);
  for (std::size_t m = 0; m < chosen.members.size(); ++m) {
    const auto& candidate = candidates[chosen.members[m]];
    KOLOSAL_ASSERT(candidate.size() == out.size(), "candidates and result have one shape");
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += chosen.weights[m] * candidate[i];
  }
}

}  // namespace kolosal::ensemble
