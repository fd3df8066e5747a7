#pragma once

#include <filesystem>
#include <vector>

#include "kolosal/cli/command.hpp"

namespace kolosal::cli {

/// Appends --home.
void add_home_option(std::vector<Option>& options);

/// Where the user's runs are kept: the folder runs of --home (KOLOSAL_HOME), else of kolosal in
/// XDG_DATA_HOME, else of ~/.local/share/kolosal. Empty when there is no home at all.
std::filesystem::path runs_folder(const Config& config);

/// Beside it: what tracking servers did not take.
std::filesystem::path spool_folder(const Config& config);

/// Appends --store.
void add_store_option(std::vector<Option>& options);

/// The server of --store (KOLOSAL_STORE), or "".
/// @throws Error kInvalidParameter for an address that is none; kUnsupported when this machine can not speak
/// to servers.
std::string store_server(const Config& config);

/// Beside the folder of runs: those that the server did not take.
std::filesystem::path unsent_folder(const Config& config);

/// Beside the folder of runs: what was measured of machines.
std::filesystem::path machines_folder(const Config& config);

}  // namespace kolosal::cli
