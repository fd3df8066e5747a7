#pragma once

#include "kolosal/data/schema.hpp"

namespace kolosal::infer::exporters {

/// Rows to try a model on, drawn from what its schema knows of the training table: numbers between the least
/// and the greatest, levels, missing cells where there were such, and now and then a level that there was
/// not. The same seed gives the same rows.
data::Frame reference_rows(const data::Schema& schema, std::size_t n_rows, std::uint64_t seed);

}  // namespace kolosal::infer::exporters
