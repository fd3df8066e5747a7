#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "kolosal/core/context.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/profile/profile.hpp"

namespace kolosal::service {

/// What a file holds: how it was read, and what the table in it is like.
struct FileProfile {
  io::ReadReport read;
  profile::TableProfile table;
};

/// Reads the file and looks at it. The reasons of the types come from the reader.
FileProfile profile_file(const std::filesystem::path& path, const io::ReadOptions& read,
                         profile::ProfileOptions options, const Context& context);
/// That of the table, and "format", "compression", "encoding", "delimiter" and "skipped_rows".
nlohmann::json to_json(const FileProfile& profile);
/// Writes the profile as one HTML file, whole or not at all.
/// @throws Error kIo naming the path and the reason.
void write_html(const FileProfile& profile, const std::filesystem::path& table,
                const std::filesystem::path& output, std::size_t max_columns);

}  // namespace kolosal::service
