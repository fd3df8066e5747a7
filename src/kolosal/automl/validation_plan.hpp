#pragma once

#include <cstddef>
#include <vector>

#include "kolosal/automl/options.hpp"
#include "kolosal/automl/problem.hpp"
#include "kolosal/pipeline/splitter.hpp"

namespace kolosal::automl {

/// How trials of a run are validated: by the size of the table and the time there is for it, unless the
/// options tell the folds. n_columns: of the base.
pipeline::SplitPlan validation_plan(const Problem& problem, std::size_t n_columns, const RunOptions& options,
                                    std::size_t n_threads);

/// Folds beyond those of a plan, for the members of the blend alone: where the time is more than the search
/// of a small table uses, and the user has not told the folds. Often empty.
std::vector<pipeline::Split> further_splits(const Problem& problem, pipeline::SplitPlan plan,
                                            const RunOptions& options, std::size_t n_threads);

}  // namespace kolosal::automl
