#include "kolosal/cli/output.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>

#include "kolosal/core/error.hpp"

namespace kolosal::cli {

void print_result(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  throw Error(ErrorCode::kIo, "can not write to the standard output: {}",
              std::generic_category().message(errno));
}

void print_json(const nlohmann::json& json) {
  print_result(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void talk(std::string_view line) {
  std::string text(line);
  text += '\n';
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void note(std::string_view text) { talk(fmt::format("note: {}", text)); }

void leave(int exit_code) {
  std::fflush(stdout);
  std::fflush(stderr);
  std::_Exit(exit_code);
}

}  // namespace kolosal::cli
