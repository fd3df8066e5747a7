#pragma once

#include "kolosal/profile/profile.hpp"

namespace kolosal::profile {

/// What a column can be used as.
Kind kind_of(const ColumnProfile& column);

/// Adds what is remarkable about each column and about the table, given everything else of the profile.
void add_flags(TableProfile& profile, std::size_t n_mostly_missing_rows);

/// What is remarkable about a column by itself, given its kind.
void add_column_flags(ColumnProfile& column);

/// Marks columns that equal an earlier one in every row.
void find_duplicate_columns(TableProfile& profile, const data::Frame& table, const Context& context);

}  // namespace kolosal::profile
