#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace kolosal::cli {

// Results go to stdout, talk to stderr. Nothing else of the program writes there.

/// Writes a result as it is. @throws Error kIo when stdout can not take it (disk full, closed pipe).
void print_result(std::string_view text);
/// Indented, with a newline at the end. Bytes that are no UTF-8 are replaced.
void print_json(const nlohmann::json& json);
/// A line on stderr.
void talk(std::string_view line);
/// "note: ..." on stderr.
void note(std::string_view text);

/// Ends the process without destructors: freeing a large table costs time that belongs to nobody.
[[noreturn]] void leave(int exit_code);

}  // namespace kolosal::cli
