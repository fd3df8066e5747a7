#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "kolosal/core/context.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::metric {

struct BootstrapOptions {
  std::size_t n_draws = 1000;
  double level = 0.95;                     ///< The share of draws inside the interval.
  std::size_t block_rows = 16'384;         ///< Of more rows a draw takes about as many (see below).
  std::optional<double> known_score = {};  ///< Of the rows as they are: it is not computed again.
};

struct ScoreInterval {
  double score = 0;  ///< Of the rows as they are.
  double low = 0;    ///< NaN, as high, when no draw had a score.
  double high = 0;
  std::size_t n_draws = 0;  ///< Those that had a score: a draw of one class has no AUC.
};

/// How far a score would vary with other rows of the same kind: the percentile interval of the bootstrap
/// (Efron, 1979). Rows are what is drawn; keep rows that belong together (groups) in mind.
///
/// A draw counts each row by a Poisson number of mean 1, times its weight, in place of n picks (the Poisson
/// bootstrap; Chamandy et al., 2012): the metric works on the rows in place. More than block_rows rows are
/// drawn from by blocks of max(block_rows, n^0.6) of them whose counts have the mean n / block, so that a
/// draw weighs as much as all rows (bag of little bootstraps; Kleiner et al., 2014); the interval is the
/// score plus the percentiles of (score of the draw - score of its block). A block has min(500, block_rows /
/// n_classes) rows of each class at least, or all, with counts to match, so a rare class is not lost.
///
/// Shapes:  as Metric::compute().
/// Errors:  those of the metric; kInvalidParameter for no draws or a level that is not between 0 and 1.
/// Threads: draws are spread over those of the context; its seed gives the same bytes at any number of them.
/// Budget:  draws that have not begun when the context's work should stop are left out.
/// Cost:    n_draws times the metric on at most one block, and the metric once on all rows.
ScoreInterval bootstrap_interval(const Metric& metric, const data::TargetView& y,
                                 std::span<const double> prediction, const BootstrapOptions& options,
                                 const Context& context);

}  // namespace kolosal::metric
