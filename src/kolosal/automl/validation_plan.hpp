#pragma once

#include <cstddef>

#include "kolosal/automl/options.hpp"
#include "kolosal/automl/problem.hpp"
#include "kolosal/pipeline/splitter.hpp"

namespace kolosal::automl {

/// How trials of a run are validated: by the size of the table and the time there is for it, unless the
/// options tell the folds. n_columns: of the base.
pipeline::SplitPlan validation_plan(const Problem& problem, std::size_t n_columns, const RunOptions& options,
                                    std::size_t n_threads);

}  // namespace kolosal::automl
