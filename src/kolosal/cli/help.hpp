#pragma once

#include <string>

#include "kolosal/cli/command.hpp"

namespace kolosal::cli {

/// What `kolosal --help` prints.
std::string program_help();
/// What `kolosal <command> --help` prints.
std::string command_help(const Command& command);
/// The manual page in man(7) form, of the program and all its commands.
std::string man_page();

}  // namespace kolosal::cli
