#include "kolosal/pipeline/splitter.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal::pipeline {
namespace {

using data::TargetView;
using data::Task;
using Rows = std::span<const std::uint32_t>;

constexpr std::int32_t kTrainOnly = -1;

/// A fold for each position in `rows`: the fold it validates, or kTrainOnly.
using Folds = std::vector<std::int32_t>;

std::vector<std::uint32_t> shuffled_positions(std::size_t n, Rng& rng) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  rng.shuffle(out);
  return out;
}

/// What shall be spread evenly: for each position its class or its quantile bin of the target.
struct Strata {
  std::vector<std::uint32_t> of;
  std::size_t n = 1;
};

/// n_parts: how many parts of equal size a stratum should be able to feed with two rows each.
Strata make_strata(const TargetView& y, Rows rows, bool stratify, std::size_t n_parts, Rng& rng) {
  constexpr std::size_t kMaxBins = 20;
  Strata out{std::vector<std::uint32_t>(rows.size(), 0), 1};
  if (!stratify) return out;
  if (y.task != Task::kRegression) {
    out.n = std::max<std::size_t>(y.n_classes, 2);
    for (std::size_t i = 0; i < rows.size(); ++i) out.of[i] = static_cast<std::uint32_t>(y.values[rows[i]]);
    return out;
  }
  out.n = std::clamp<std::size_t>(rows.size() / (2 * n_parts), 1, kMaxBins);
  auto order = shuffled_positions(rows.size(), rng);  // equal values fall to either side of a bin's edge
  std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return y.values[rows[i]]; });
  for (std::size_t rank = 0; rank < order.size(); ++rank)
    out.of[order[rank]] = static_cast<std::uint32_t>(rank * out.n / order.size());
  return out;
}

std::vector<std::vector<std::uint32_t>> members_of(const Strata& strata, Rng& rng) {
  std::vector<std::vector<std::uint32_t>> out(strata.n);
  for (const std::uint32_t i : shuffled_positions(strata.of.size(), rng)) out[strata.of[i]].push_back(i);
  return out;
}

/// The deal goes on from stratum to stratum, so the sizes of folds differ by one at most, within each stratum
/// too.
Folds deal_folds(const Strata& strata, std::size_t n_folds, Rng& rng) {
  Folds folds(strata.of.size());
  std::size_t next = 0;
  for (const auto& members : members_of(strata, rng))
    for (const std::uint32_t i : members) folds[i] = static_cast<std::int32_t>(next++ % n_folds);
  return folds;
}

/// Fold 0 validates `n_valid` positions, spread over the strata by largest remainder; the rest is kTrainOnly.
Folds deal_hold_out(const Strata& strata, std::size_t n_valid, Rng& rng) {
  const auto members = members_of(strata, rng);
  const double share = static_cast<double>(n_valid) / static_cast<double>(strata.of.size());
  std::vector<std::size_t> n_taken(strata.n);
  std::size_t n_left = n_valid;
  for (std::size_t s = 0; s < strata.n; ++s) {
    n_taken[s] = static_cast<std::size_t>(share * static_cast<double>(members[s].size()));
    n_left -= std::min(n_left, n_taken[s]);
  }
  auto by_remainder = shuffled_positions(strata.n, rng);
  std::ranges::stable_sort(by_remainder, std::greater{}, [&](std::uint32_t s) {
    return share * static_cast<double>(members[s].size()) - static_cast<double>(n_taken[s]);
  });
  for (const std::uint32_t s : by_remainder) {
    if (n_left == 0) break;
    if (n_taken[s] >= members[s].size()) continue;
    ++n_taken[s];
    --n_left;
  }
  Folds folds(strata.of.size(), kTrainOnly);
  for (std::size_t s = 0; s < strata.n; ++s)
    for (std::size_t i = 0; i < n_taken[s]; ++i) folds[members[s][i]] = 0;
  return folds;
}

/// A class that is in one fold only would be missing in the training part of this fold: its first row stays
/// in training.
void keep_every_class_in_training(const TargetView& y, Rows rows, Folds& folds) {
  constexpr std::int32_t kSeveral = -2, kNone = -3;
  if (y.task == Task::kRegression) return;
  std::vector<std::int32_t> fold_of_class(std::max<std::size_t>(y.n_classes, 2), kNone);
  std::vector<std::size_t> first(fold_of_class.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto c = static_cast<std::size_t>(y.values[rows[i]]);
    if (fold_of_class[c] == kNone) {
      fold_of_class[c] = folds[i];
      first[c] = i;
    } else if (fold_of_class[c] != folds[i]) {
      fold_of_class[c] = kSeveral;
    }
  }
  for (std::size_t c = 0; c < first.size(); ++c)
    if (fold_of_class[c] >= 0) folds[first[c]] = kTrainOnly;
}

/// A group's rows by stratum; groups have few strata, tables may have many.
struct Group {
  std::vector<std::uint32_t> positions;
  std::vector<std::pair<std::uint32_t, double>> n_by_stratum;
};

std::vector<Group> make_groups(const SplitPlan& plan, Rows rows, const Strata& strata) {
  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0U);
  auto key = [&](std::uint32_t i) { return std::pair(plan.groups[rows[i]], strata.of[i]); };
  std::ranges::stable_sort(order, {}, key);
  std::vector<Group> groups;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const auto [id, stratum] = key(order[k]);
    if (k == 0 || key(order[k - 1]).first != id) groups.emplace_back();
    Group& group = groups.back();
    if (group.n_by_stratum.empty() || group.n_by_stratum.back().first != stratum)
      group.n_by_stratum.emplace_back(stratum, 0);
    group.n_by_stratum.back().second += 1;
    group.positions.push_back(order[k]);
  }
  if (groups.size() < 2)
    throw Error(ErrorCode::kData,
                "validation by groups needs at least two groups, but all {} rows are of one group",
                rows.size());
  return groups;
}

/// Gives whole groups to parts of the wanted shares, the largest group first, each to the part where it
/// disturbs the balance of rows and of strata least: the sum over parts of count^2 / share is smallest when
/// all counts are in proportion.
std::vector<std::size_t> assign_groups(std::vector<Group>& groups, const Strata& strata,
                                       std::span<const double> shares, Rng& rng) {
  rng.shuffle(groups);  // groups of equal size come in random order
  std::ranges::stable_sort(groups, std::greater{}, [](const Group& group) { return group.positions.size(); });
  const auto n_rows = static_cast<double>(strata.of.size());
  std::vector<double> scale(strata.n);  // 1 / (stratum's rows)^2, shared equally by the strata
  for (const std::uint32_t s : strata.of) scale[s] += 1;
  for (double& s : scale) s = s > 0 ? 1 / (s * s * static_cast<double>(strata.n)) : 0;

  std::vector<double> n_in(shares.size());
  std::vector<std::vector<double>> n_in_stratum(shares.size(), std::vector<double>(strata.n));
  std::vector<std::size_t> n_groups_in(shares.size()), part_of(groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const auto size = static_cast<double>(groups[g].positions.size());
    std::size_t best = 0;
    double best_cost = std::numeric_limits<double>::infinity();
    const std::size_t n_empty = static_cast<std::size_t>(std::ranges::count(n_groups_in, 0U));
    for (std::size_t f = 0; f < shares.size(); ++f) {
      if (n_groups_in[f] > 0 && groups.size() - g <= n_empty)
        continue;  // the last groups go to parts that have none
      double cost = (2 * n_in[f] + size) * size / (n_rows * n_rows);
      for (const auto& [s, n] : groups[g].n_by_stratum) cost += (2 * n_in_stratum[f][s] + n) * n * scale[s];
      cost /= shares[f];
      if (cost < best_cost) {
        best_cost = cost;
        best = f;
      }
    }
    part_of[g] = best;
    n_in[best] += size;
    ++n_groups_in[best];
    for (const auto& [s, n] : groups[g].n_by_stratum) n_in_stratum[best][s] += n;
  }
  return part_of;
}

Folds group_folds(const SplitPlan& plan, Rows rows, const Strata& strata, std::span<const double> shares,
                  Rng& rng) {
  auto groups = make_groups(plan, rows, strata);
  const auto part_of =
      assign_groups(groups, strata, shares.first(std::min(shares.size(), groups.size())), rng);
  Folds folds(rows.size());
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const std::uint32_t i : groups[g].positions) folds[i] = static_cast<std::int32_t>(part_of[g]);
  return folds;
}

std::size_t hold_out_rows(const SplitPlan& plan, std::size_t n_rows) {
  const double wanted =
      std::min(plan.valid_share * static_cast<double>(n_rows), static_cast<double>(plan.max_valid_rows));
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::llround(wanted)), 1, n_rows - 1);
}

Folds hold_out_folds(const TargetView& y, Rows rows, const SplitPlan& plan, Rng& rng) {
  const std::size_t n_valid = hold_out_rows(plan, rows.size());
  const Strata strata = make_strata(y, rows, plan.stratify, rows.size() / n_valid, rng);
  if (plan.groups.empty()) {
    Folds folds = deal_hold_out(strata, n_valid, rng);
    keep_every_class_in_training(y, rows, folds);
    return folds;
  }
  const double share = static_cast<double>(n_valid) / static_cast<double>(rows.size());
  Folds folds = group_folds(plan, rows, strata, std::array{share, 1 - share}, rng);
  std::ranges::replace(folds, 1, kTrainOnly);
  return folds;
}

Folds k_folds(const TargetView& y, Rows rows, const SplitPlan& plan, Rng& rng) {
  const Strata strata = make_strata(y, rows, plan.stratify, plan.n_folds, rng);
  if (!plan.groups.empty())
    return group_folds(plan, rows, strata,
                       std::vector<double>(plan.n_folds, 1 / static_cast<double>(plan.n_folds)), rng);
  Folds folds = deal_folds(strata, plan.n_folds, rng);
  keep_every_class_in_training(y, rows, folds);
  return folds;
}

void append_splits(Rows rows, const Folds& folds, std::vector<Split>& out) {
  const std::int32_t n_folds = *std::ranges::max_element(folds) + 1;
  for (std::int32_t fold = 0; fold < n_folds; ++fold) {
    Split split;
    for (std::size_t i = 0; i < rows.size(); ++i)
      (folds[i] == fold ? split.valid : split.train).push_back(rows[i]);
    if (!split.valid.empty() && !split.train.empty()) out.push_back(std::move(split));
  }
}

/// Where a cut leaves all rows of one time on the same side: places in the order of time.
std::vector<std::size_t> time_boundaries(const std::vector<std::uint32_t>& by_time,
                                         std::span<const std::int64_t> times) {
  std::vector<std::size_t> out;
  for (std::size_t k = 1; k < by_time.size(); ++k)
    if (times[by_time[k]] != times[by_time[k - 1]]) out.push_back(k);
  if (out.empty())
    throw Error(ErrorCode::kData,
                "validation in the order of time needs different times, but all {} rows have the same",
                by_time.size());
  return out;
}

std::size_t nearest(const std::vector<std::size_t>& sorted, std::size_t wanted) {
  const auto above = std::ranges::lower_bound(sorted, wanted);
  if (above == sorted.begin()) return *above;
  if (above == sorted.end()) return sorted.back();
  return *above - wanted < wanted - *std::prev(above) ? *above : *std::prev(above);
}

/// Rows of a group that validates leave the training part.
void drop_shared_groups(Split& split, std::span<const std::int64_t> groups) {
  std::vector<std::int64_t> in_valid;
  for (const std::uint32_t row : split.valid) in_valid.push_back(groups[row]);
  std::ranges::sort(in_valid);
  std::erase_if(split.train,
                [&](std::uint32_t row) { return std::ranges::binary_search(in_valid, groups[row]); });
}

std::vector<Split> time_splits(Rows rows, const SplitPlan& plan) {
  std::vector<std::uint32_t> by_time(rows.begin(), rows.end());
  std::ranges::stable_sort(by_time, {}, [&](std::uint32_t row) { return plan.times[row]; });
  const auto boundaries = time_boundaries(by_time, plan.times);
  std::vector<std::size_t> cuts;
  if (plan.kind == SplitKind::kHoldOut) {
    cuts.push_back(nearest(boundaries, rows.size() - hold_out_rows(plan, rows.size())));
  } else {
    for (std::size_t k = 1; k <= plan.n_folds; ++k)
      cuts.push_back(nearest(boundaries, rows.size() * k / (plan.n_folds + 1)));
    cuts.erase(std::ranges::unique(cuts).begin(), cuts.end());  // few distinct times: fewer folds
  }
  cuts.push_back(rows.size());
  std::vector<Split> out;
  for (std::size_t k = 0; k + 1 < cuts.size(); ++k) {
    auto at = [&](std::size_t cut) { return by_time.begin() + static_cast<std::ptrdiff_t>(cut); };
    Split split{{by_time.begin(), at(cuts[k])}, {at(cuts[k]), at(cuts[k + 1])}};
    if (!plan.groups.empty()) drop_shared_groups(split, plan.groups);
    if (split.train.empty()) continue;
    std::ranges::sort(split.train);
    std::ranges::sort(split.valid);
    out.push_back(std::move(split));
  }
  return out;
}

void check(const TargetView& y, Rows rows, const SplitPlan& plan) {
  KOLOSAL_ASSERT(plan.groups.empty() || plan.groups.size() == y.values.size(),
                 "one group per row of the table");
  KOLOSAL_ASSERT(plan.times.empty() || plan.times.size() == y.values.size(), "one time per row of the table");
  const bool hold_out = plan.kind == SplitKind::kHoldOut;
  if (hold_out && !(plan.valid_share > 0 && plan.valid_share < 1))
    throw Error(ErrorCode::kInvalidParameter, "valid_share must be above 0 and below 1, not {}",
                plan.valid_share);
  if (!hold_out && plan.n_folds < 2)
    throw Error(ErrorCode::kInvalidParameter, "n_folds must be at least 2, not {}", plan.n_folds);
  const std::size_t n_needed = hold_out ? 2 : plan.n_folds;
  if (rows.size() < n_needed)
    throw Error(ErrorCode::kData, "{} need at least {} rows, but there are {}",
                hold_out ? "training and validation" : fmt::format("{} folds", plan.n_folds), n_needed,
                rows.size());
}

}  // namespace

std::vector<Split> make_splits(const TargetView& y, Rows rows, const SplitPlan& plan, std::uint64_t seed) {
  check(y, rows, plan);
  std::vector<Split> out;
  if (!plan.times.empty()) {
    out = time_splits(rows, plan);
  } else if (plan.kind == SplitKind::kHoldOut) {
    Rng rng(derive_seed(seed, {"hold_out"}));
    append_splits(rows, hold_out_folds(y, rows, plan, rng), out);
  } else {
    const std::size_t n_repeats = plan.kind == SplitKind::kRepeatedKFold ? plan.n_repeats : 1;
    for (std::size_t repeat = 0; repeat < n_repeats; ++repeat) {
      Rng rng(derive_seed(seed, {"k_fold", repeat}));
      append_splits(rows, k_folds(y, rows, plan, rng), out);
    }
  }
  if (out.empty())
    throw Error(
        ErrorCode::kData,
        "the {} rows can not be split: every part for validation, or its training part, would be empty",
        rows.size());
  return out;
}

SplitPlan plan_for_size(std::size_t n_rows, std::size_t n_columns, const TargetView& y) {
  constexpr std::size_t kRowsForRepeats = 1'000, kRowsForFolds = 20'000, kCellsForFolds = 2'000'000;
  constexpr std::size_t kCellsForRepeats = 200'000, kFewRows = 2'000;
  constexpr double kMinValidRows = 2'000, kMinValidShare = 0.1, kMaxValidShare = 0.25, kMinRowsOfRarest = 30;
  SplitPlan plan;
  plan.n_folds = std::clamp<std::size_t>(n_rows, 2, 5);
  if (n_rows < kRowsForRepeats && n_rows * n_columns < kCellsForRepeats) {
    plan.kind = SplitKind::kRepeatedKFold;
    plan.n_repeats = 2;
    return plan;
  }
  // Of few rows a hold-out tells too little, however many the columns.
  if (n_rows < kFewRows || (n_rows < kRowsForFolds && n_rows * n_columns < kCellsForFolds)) return plan;
  plan.kind = SplitKind::kHoldOut;
  plan.valid_share = std::max(kMinValidShare, kMinValidRows / static_cast<double>(n_rows));
  if (y.task == Task::kBinary && !y.values.empty()) {
    const auto n_positive = static_cast<double>(std::ranges::count(y.values, 1.0));
    const double n_rarest = std::min(n_positive, static_cast<double>(y.values.size()) - n_positive);
    if (n_rarest > 0) plan.valid_share = std::max(plan.valid_share, kMinRowsOfRarest / n_rarest);
  }
  plan.valid_share = std::min(plan.valid_share, kMaxValidShare);
  return plan;
}

}  // namespace kolosal::pipeline
