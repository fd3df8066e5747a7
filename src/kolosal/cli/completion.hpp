#pragma once

#include <string>

namespace kolosal::cli {

// Scripts that complete commands, options and their values, made from the declarations.
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace kolosal::cli
