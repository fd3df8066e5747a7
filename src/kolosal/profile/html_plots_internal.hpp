#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kolosal/profile/html_parts.hpp"
#include "kolosal/profile/profile.hpp"

namespace kolosal::profile {

// Plots as SVG elements, in the colours of the page's style sheet.

std::string histogram_plot(const ColumnProfile& column);
/// The most frequent levels as bars, as rows of a table.
std::string level_plot(const std::vector<LevelCount>& levels, std::size_t n_present, std::size_t most);
/// How the target behaves over the column: a line over the bins of numbers, bars per level, or stacked shares
/// of classes. "" without bins.
std::string target_plot(const ColumnProfile& column, const TableProfile& profile);
/// The least and the largest mean of the target over the bins; is_share: in percent.
std::string target_range(const ColumnProfile& column, bool is_share);
/// Which columns are missing where along the rows.
std::string missing_plot(const TableProfile& profile, const std::vector<std::size_t>& columns);
/// A square of pairs; blue goes up together, orange against each other.
std::string association_plot(const TableProfile& profile, const std::vector<std::size_t>& columns);
/// Columns by what each alone tells about the target.
std::string power_plot(const TableProfile& profile, const std::vector<std::size_t>& columns);

/// The colour of a class, as a value of "fill".
std::string class_colour(std::size_t k);

}  // namespace kolosal::profile
