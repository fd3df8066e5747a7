#include "kolosal/transform/outlier_bounds_internal.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/isolation_forest_internal.hpp"
#include "kolosal/transform/power_internal.hpp"
#include "kolosal/transform/sorted_cells_internal.hpp"

namespace kolosal::transform {
namespace {

// Half width of the interval around the median that the modified z-score allows; 0 when all cells are equal.
double modified_reach(std::span<const double> sorted, double median, double threshold) {
  std::vector<double> away;
  double mean = 0;
  for (const double cell : sorted) {
    away.push_back(std::abs(cell - median));
    mean += away.back() / static_cast<double>(sorted.size());
  }
  std::ranges::sort(away);
  const double middle = quantile_of_sorted(away, 0.5);
  return middle > 0 ? threshold * middle / 0.6745 : threshold * 1.253314 * mean;
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
  OutlierBounds out{-kInf, kInf, -kInf, kInf};
  if (sorted.empty()) return out;
  const double t = rule.used_threshold();
  if (rule.method == "zscore") {
    const Spread spread = spread_of(sorted);
    if (!spread.is_constant)
      out.lower = spread.mean - t * spread.deviation, out.upper = spread.mean + t * spread.deviation;
  } else if (rule.method == "modified_zscore") {
    const double median = quantile_of_sorted(sorted, 0.5), reach = modified_reach(sorted, median, t);
    if (reach > 0) out.lower = median - reach, out.upper = median + reach;
  } else if (rule.method == "iqr") {
    const double low = quantile_of_sorted(sorted, 0.25), high = quantile_of_sorted(sorted, 0.75);
    out.lower = low - t * (high - low), out.upper = high + t * (high - low);
  } else {
    out.lower = quantile_of_sorted(sorted, t / 100), out.upper = quantile_of_sorted(sorted, 1 - t / 100);
  }
  if (!(out.lower <= out.upper)) out.lower = -kInf, out.upper = kInf;  // the spread of numbers near 1e308
  const auto begin = std::ranges::lower_bound(sorted, out.lower),
             end = std::ranges::upper_bound(sorted, out.upper);
  if (begin < end) out.least = *begin, out.greatest = *(end - 1);
  return out;
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
