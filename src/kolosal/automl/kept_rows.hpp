#pragma once

#include "kolosal/automl/options.hpp"
#include "kolosal/automl/problem.hpp"

namespace kolosal::automl {

/// The rows of the table that the user wants to be in the model (pipeline::draw_kept_rows), features and
/// target as the table has them. Where there are not as many, the problem's notes say so.
data::Frame kept_rows_of(const data::Frame& table, const RunOptions& options, Problem& problem);

}  // namespace kolosal::automl
