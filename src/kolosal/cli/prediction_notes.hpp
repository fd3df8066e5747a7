#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kolosal/data/schema.hpp"
#include "kolosal/transform/drift.hpp"

namespace kolosal::cli {

/// "1 row", "2 rows".
std::string plural(std::size_t n, std::string_view noun);

/// Says on stderr what was found in a table that a model has read.
void tell_notes(const std::vector<std::string>& notes, const data::ConformReport& conform);

/// Says on stderr which columns are not as they were. `fitted`: on what, "the model was trained on". New
/// levels are told by tell_notes(), of all rows.
void tell_drift(const transform::DriftReport& drift, std::size_t n_rows, std::string_view fitted);

}  // namespace kolosal::cli
