#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kolosal/data/schema.hpp"

namespace kolosal::cli {

/// "1 row", "2 rows".
std::string plural(std::size_t n, std::string_view noun);

/// Says on stderr what was found in a table that a model has read.
void tell_notes(const std::vector<std::string>& notes, const data::ConformReport& conform);

}  // namespace kolosal::cli
