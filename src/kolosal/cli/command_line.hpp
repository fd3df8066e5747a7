#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/cli/command.hpp"

namespace kolosal::cli {

/// The words after the name of a command, sorted out.
struct CommandLine {
  std::map<std::string, std::vector<std::string>> flags;  ///< By option name: the texts that were given.
  std::optional<std::string> argument;
  std::vector<std::string> more;  ///< Arguments after it, for a command that takes several.
  bool help = false;
};

/// @throws Error kUsage: an unknown option (the nearest is named), an option without its value, a word too
/// many.
CommandLine parse_command_line(const Command& command, std::vector<std::string> words);

}  // namespace kolosal::cli
