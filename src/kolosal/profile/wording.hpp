#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kolosal/data/column.hpp"

namespace kolosal::profile {

// How numbers are written in findings and on pages.

/// "32,561".
std::string count_text(std::size_t n);
/// "12 %", "0.3 %", "under 0.1 %".
std::string share_text(double share);
/// Six digits at most: "37", "0.0125", "1.2e+09", "1,234,567".
std::string number_text(double value);
/// A value of a column of this type in full, as its cells are written.
std::string exact_text(double value, data::ColumnType type);
/// A value of a column of this type, rounded: dates and moments as ISO 8601, booleans as true and false.
std::string value_text(double value, data::ColumnType type);
/// At most `most` characters, the last three of them "..." when something is cut; never a part of a UTF-8
/// character, and no control characters.
std::string short_text(std::string_view text, std::size_t most = 32);
/// "1 row", "2,000 rows".
std::string plural(std::size_t n, std::string_view noun);

bool is_time(data::ColumnType type);
bool is_string(data::ColumnType type);

}  // namespace kolosal::profile
