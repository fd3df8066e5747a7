#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kolosal::store {

/// The address of a PostgreSQL database, taken apart.
struct ServerUrl {
  /// As libpq takes them: {"host", "db.example"}, {"password", "..."}.
  std::vector<std::pair<std::string, std::string>> parameters;
  /// The address without its password: for messages, and to be written down.
  std::string text;
};

/// Whether it begins like one: postgresql:// or postgres://.
bool is_server_url(std::string_view text);

/// "postgresql://user:password@host:port/database?sslmode=require"; all parts may be left out, several hosts
/// stand with commas between them, other characters as %2F. What is left out is libpq's to know: PGPASSWORD,
/// ~/.pgpass, the user's name.
/// @throws Error kInvalidParameter, which never tells the password.
ServerUrl parse_server_url(std::string_view text);

}  // namespace kolosal::store
