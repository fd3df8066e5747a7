#pragma once

#include <string>
#include <vector>

#include "kolosal/profile/profile.hpp"

namespace kolosal::profile {

struct HtmlOptions {
  std::string title;               ///< Of the table: the name of its file.
  std::string source;              ///< One line on how it was read: "csv, 3.4 MB".
  std::size_t max_columns = 200;   ///< Columns with a card of their own: the most remarkable ones.
  std::vector<std::string> notes;  ///< Shown with those of the profile.
};

/// The profile as one HTML file that needs nothing else: no scripts, no fonts, no pictures from elsewhere.
/// Plots are SVG; colours follow the light or dark setting of the reader. What is left out is said.
std::string html_page(const TableProfile& profile, const HtmlOptions& options);

}  // namespace kolosal::profile
