#include "kolosal/cli/kolosal_home.hpp"

#include <cstdlib>

#include "kolosal/core/error.hpp"
#include "kolosal/store/database.hpp"

namespace kolosal::cli {
namespace {

std::filesystem::path from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

void add_home_option(std::vector<Option>& options) {
  options.push_back(text_option(
      "home", "DIR", "Where what runs did is kept. Default: ~/.local/share/kolosal (XDG_DATA_HOME)."));
}

std::filesystem::path runs_folder(const Config& config) {
  if (const auto home = config.optional_text("home")) return std::filesystem::path(*home) / "runs";
  // The standard has it that a relative path there is to be ignored.
  if (const auto data = from_environment("XDG_DATA_HOME"); data.is_absolute())
    return data / "kolosal" / "runs";
  const auto home = from_environment("HOME");
  return home.empty() ? home : home / ".local" / "share" / "kolosal" / "runs";
}

std::filesystem::path spool_folder(const Config& config) {
  const auto runs = runs_folder(config);
  return runs.empty() ? runs : runs.parent_path() / "track";
}

void add_store_option(std::vector<Option>& options) {
  options.push_back(text_option("store", "URL",
                                "A PostgreSQL server that keeps what runs did, in place of the home: "
                                "postgresql://user@host:port/database."));
}

std::string store_server(const Config& config) {
  const auto url = config.optional_text("store");
  if (!url) return "";
  store::parse_server_url(*url);
  if (const std::string& why_not = store::Database::servers_unavailable(); !why_not.empty())
    throw Error(ErrorCode::kUnsupported, "--store: {}", why_not);
  return *url;
}

std::filesystem::path unsent_folder(const Config& config) {
  const auto runs = runs_folder(config);
  return runs.empty() ? runs : runs.parent_path() / "unsent";
}

std::filesystem::path machines_folder(const Config& config) {
  const auto runs = runs_folder(config);
  return runs.empty() ? runs : runs.parent_path() / "machines";
}

}  // namespace kolosal::cli
