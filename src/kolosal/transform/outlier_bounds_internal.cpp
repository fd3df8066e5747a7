#include "kolosal/transform/outlier_bounds_internal.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/isolation_forest_internal.hpp"
#include "kolosal/transform/sorted_cells_internal.hpp"

namespace kolosal::transform {
namespace {

// Of |cell - median| over all cells.
struct Distances {
  double median = 0, mean = 0;
};

// What the rules need to know of sorted cells, and of what a stream keeps of them.
struct SortedCells {
  std::span<const double> cells;
  double quantile(double q) const { return quantile_of_sorted(cells, q); }
  Moments moments() const {
    Moments out;
    for (std::size_t begin = 0; begin < cells.size(); begin += kRowGrain)
      out.add_block(cells.data() + begin, std::min(kRowGrain, cells.size() - begin));
    return out;
  }
  Distances distances(double from) const {
    std::vector<double> away;
    Distances out;
    for (const double cell : cells) {
      away.push_back(std::abs(cell - from));
      out.mean += away.back() / static_cast<double>(cells.size());
    }
    std::ranges::sort(away);
    out.median = quantile_of_sorted(away, 0.5);
    return out;
  }
  void find_extremes(OutlierBounds& bounds) const {
    const auto begin = std::ranges::lower_bound(cells, bounds.lower),
               end = std::ranges::upper_bound(cells, bounds.upper);
    if (begin < end) bounds.least = *begin, bounds.greatest = *(end - 1);
  }
};

struct KeptCells {
  const Moments& all;
  WeightedNumbers kept;
  double quantile(double q) const { return kept.quantile(q); }
  const Moments& moments() const { return all; }
  Distances distances(double from) const {
    std::vector<WeightedNumbers::Item> away;
    Distances out;
    for (const auto& [cell, weight] : kept.items()) {
      away.push_back({std::abs(cell - from), weight});
      out.mean += away.back().number / static_cast<double>(kept.count()) * static_cast<double>(weight);
    }
    out.median = WeightedNumbers(std::move(away)).quantile(0.5);
    return out;
  }
  void find_extremes(OutlierBounds& bounds) const {
    const auto number = &WeightedNumbers::Item::number;
    const auto begin = std::ranges::lower_bound(kept.items(), bounds.lower, {}, number),
               end = std::ranges::upper_bound(kept.items(), bounds.upper, {}, number);
    if (begin < end) bounds.least = begin->number, bounds.greatest = (end - 1)->number;
  }
};

// Half width of the interval around the median that the modified z-score allows; 0 when all cells are equal.
double modified_reach(const Distances& away, double threshold) {
  return away.median > 0 ? threshold * away.median / 0.6745 : threshold * 1.253314 * away.mean;
}

template <typename Cells>
OutlierBounds bounds_of(const Cells& cells, const OutlierRule& rule) {
  OutlierBounds out{-kInf, kInf, -kInf, kInf};
  const double t = rule.used_threshold();
  if (rule.method == "zscore") {
    const Moments moments = cells.moments();
    const auto mean = static_cast<double>(moments.mean),
               reach = t * static_cast<double>(std::sqrt(moments.variance()));
    if (!moments.is_constant()) out.lower = mean - reach, out.upper = mean + reach;
  } else if (rule.method == "modified_zscore") {
    const double median = cells.quantile(0.5), reach = modified_reach(cells.distances(median), t);
    if (reach > 0) out.lower = median - reach, out.upper = median + reach;
  } else if (rule.method == "iqr") {
    const double low = cells.quantile(0.25), high = cells.quantile(0.75);
    out.lower = low - t * (high - low), out.upper = high + t * (high - low);
  } else {
    out.lower = cells.quantile(t / 100), out.upper = cells.quantile(1 - t / 100);
  }
  if (!(out.lower <= out.upper)) out.lower = -kInf, out.upper = kInf;  // the spread of numbers near 1e308
  cells.find_extremes(out);
  return out;
}

}  // namespace

double OutlierRule::used_threshold() const {
  if (threshold > 0) return threshold;
  if (method == "zscore") return 3;
  if (method == "modified_zscore") return 3.5;
  if (method == "iqr") return 1.5;
  return method == "percentile" ? 1 : 0.5;
}

OutlierBounds outlier_bounds(std::span<const double> sorted, const OutlierRule& rule) {
  return sorted.empty() ? OutlierBounds{-kInf, kInf, -kInf, kInf} : bounds_of(SortedCells{sorted}, rule);
}

OutlierBounds outlier_bounds(const GatheredNumbers& gathered, std::size_t column, const OutlierRule& rule) {
  const Moments& moments = gathered.moments(column);
  if (moments.count == 0) return {-kInf, kInf, -kInf, kInf};
  return bounds_of(KeptCells{moments, gathered.numbers(column)}, rule);
}

std::vector<std::uint8_t> outlier_rows(const data::Frame& x, std::span<const std::uint32_t> rows,
                                       const OutlierRule& rule, const Context& context) {
  std::vector<std::uint8_t> out(rows.size());
  std::vector<data::Column> columns;
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    if (x.column(c).is_numeric()) columns.push_back(x.column(c));
  if (columns.empty() || rows.empty()) return out;
  if (rule.method == "isolation_forest") {
    std::vector<Numbers> cells(columns.begin(), columns.end());
    IsolationForest forest;
    forest.fit(cells, rows, static_cast<std::size_t>(rule.n_trees),
               static_cast<std::size_t>(rule.max_samples), context);
    const auto scores = forest.scores(cells, rows, context);
    const double most = outlier_score_bound(scores, rule);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = scores[i] > most;
    return out;
  }
  std::vector<OutlierBounds> bounds(columns.size());
  context.parallel_blocks(columns.size(), 1, [&](std::size_t c, std::size_t) {
    bounds[c] = outlier_bounds(sorted_cells(columns[c], rows), rule);
  });
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const Numbers cells(columns[c]);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double cell = cells[rows[i]];
      if (std::isfinite(cell) && (cell < bounds[c].lower || cell > bounds[c].upper)) out[i] = 1;
    }
  }
  return out;
}

}  // namespace kolosal::transform
