#pragma once

#include <filesystem>
#include <string>

#include "kolosal/service/table_profile.hpp"

namespace kolosal::cli {

/// What `kolosal info TABLE` prints: types and why, ranges, and what is worth a look.
std::string table_overview(const std::filesystem::path& path, const service::FileProfile& profile);

struct ProfilePage {
  std::size_t width = 100;       ///< Of a line, in characters; at least 60.
  std::size_t max_columns = 50;  ///< Columns shown: the most remarkable ones, in the order of the table.
};

/// What `kolosal profile` prints: one page.
std::string profile_page(const std::filesystem::path& path, const service::FileProfile& profile,
                         const ProfilePage& page);

}  // namespace kolosal::cli
