#pragma once

#include <string>
#include <vector>

namespace kolosal::cli {

/// The program: `words` are the arguments without the program's name. Returns the exit code; errors become
/// one message on stderr ("error: ..." or, with --json, {"error": {"code", "message"}}).
int run_program(std::vector<std::string> words);

}  // namespace kolosal::cli
