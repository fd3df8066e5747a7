#pragma once

#include <cstdint>
#include <span>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/pipeline/splitter.hpp"

namespace kolosal::automl {

struct TableShape;

/// Columns made of texts and of pairs of categories, as far as they pay on a sample of the rows. A search
/// then tries the views that have them; how many rows their fits may see keeps them within a share of its
/// time.
struct MadeFeatures {
  std::int64_t score_rows = 0;  ///< Most rows that a linear model of the texts sees; 0: it tells nothing.
  std::int64_t category_pair_rows =
      0;  ///< Rows in which pairs of categories are weighed; 0: no pair tells more.
  bool text_scores() const { return score_rows > 0; }
  bool category_pairs() const { return category_pair_rows > 0; }
};

/// What a run of trials counts with, so that it is the same on every machine: 30 s on two threads.
inline constexpr double kThreadSecondsOfTrials = 60;

/// Looks at training rows of the first split alone. Texts pay when what a linear model of their terms says of
/// rows that it did not see goes with the target, by three standard errors; pairs of categories when
/// category_cross finds one on held-out rows.
///
/// Time: by estimates that were measured, about 2 % of thread_seconds; what is made of it later, in all
/// folds, a tenth. Threads: the same for any number of threads.
MadeFeatures find_made_features(const TableShape& shape, const data::Frame& base, const data::TargetView& y,
                                std::span<const pipeline::Split> splits, double thread_seconds,
                                const Context& context);

}  // namespace kolosal::automl
