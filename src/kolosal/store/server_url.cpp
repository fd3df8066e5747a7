#include "kolosal/store/server_url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "kolosal/core/error.hpp"

namespace kolosal::store {
namespace {

constexpr std::array<std::string_view, 2> kSchemes = {"postgresql://", "postgres://"};

[[noreturn]] void refuse(std::string_view what) {
  throw Error(ErrorCode::kInvalidParameter,
              "the address of the database {}; write it as postgresql://user@host:port/database, and a "
              "character of a password that is no letter and no digit as its code (%40 for @)",
              what);
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned code = 0;
    const char* begin = text.data() + i + 1;
    if (i + 2 >= text.size()) refuse("has a % without two digits after it");
    const auto [end, error] = std::from_chars(begin, begin + 2, code, 16);
    if (error != std::errc() || end != begin + 2 || code == 0) refuse("has a % without two digits after it");
    out += static_cast<char>(code);
    i += 2;
  }
  return out;
}

/// The text before the first `mark`, which are both taken away; all of it without a mark.
std::string_view cut(std::string_view& text, char mark) {
  const auto at = text.find(mark);
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return out;
}

bool is_port(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0 && value < 65536;
}

/// "host:port,other" as libpq's lists of hosts and ports.
void read_hosts(std::string_view text, ServerUrl& out) {
  std::string hosts, ports;
  bool has_port = false;
  for (bool is_first = true; is_first || !text.empty(); is_first = false) {
    std::string_view one = cut(text, ',');
    std::string_view host = one;
    if (one.starts_with('[')) {
      const auto end = one.find(']');
      if (end == std::string_view::npos) refuse("has a [ without a ]");
      host = one.substr(1, end - 1);
      one.remove_prefix(end + 1);
      if (!one.empty() && !one.starts_with(':')) refuse("has something other than a port after the ]");
      if (!one.empty()) one.remove_prefix(1);
    } else {
      host = cut(one, ':');
    }
    if (!one.empty() && !is_port(one)) refuse("has a port that is no number from 1 to 65535");
    has_port = has_port || !one.empty();
    hosts += (is_first ? "" : ",") + decoded(host);
    ports += (is_first ? "" : ",") + std::string(one);
  }
  if (!hosts.empty()) out.parameters.emplace_back("host", hosts);
  if (has_port) out.parameters.emplace_back("port", ports);
}

void read_query(std::string_view text, ServerUrl& out) {
  char separator = '?';
  while (!text.empty()) {
    std::string_view value = cut(text, '&');
    const std::string_view written = value;
    const std::string name = decoded(cut(value, '='));
    if (name.empty() || value.empty()) refuse("has a part after the ? that is not name=value");
    out.parameters.emplace_back(name, decoded(value));
    if (name.find("password") != std::string::npos) continue;
    out.text += separator;
    out.text += written;
    separator = '&';
  }
}

}  // namespace

bool is_server_url(std::string_view text) {
  return std::ranges::any_of(kSchemes, [&](std::string_view scheme) { return text.starts_with(scheme); });
}

ServerUrl parse_server_url(std::string_view text) {
  const auto scheme = std::ranges::find_if(kSchemes, [&](std::string_view s) { return text.starts_with(s); });
  if (scheme == kSchemes.end()) refuse("does not begin with postgresql://");
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' '; }))
    refuse("has a space in it");
  text.remove_prefix(scheme->size());
  ServerUrl out;
  out.text = kSchemes.front();
  // A password may have an @ that is not written as its code; the last one ends it.
  std::string_view query = text;
  std::string_view place = cut(query, '?');
  if (query.find('@') != std::string_view::npos) refuse("has an @ after the ?");
  const auto slash = place.find('/', place.rfind('@') == std::string_view::npos ? 0 : place.rfind('@'));
  std::string_view authority = place.substr(0, slash);
  const std::string_view database =
      slash == std::string_view::npos ? std::string_view() : place.substr(slash + 1);
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    std::string_view password = authority.substr(0, at);
    const std::string_view user = cut(password, ':');
    if (!user.empty()) {
      out.parameters.emplace_back("user", decoded(user));
      out.text += user;
      out.text += '@';
    }
    if (!password.empty()) out.parameters.emplace_back("password", decoded(password));
    authority.remove_prefix(at + 1);
  }
  read_hosts(authority, out);
  out.text += authority;
  if (!database.empty()) {
    out.parameters.emplace_back("dbname", decoded(database));
    out.text += '/';
    out.text += database;
  }
  read_query(query, out);
  return out;
}

}  // namespace kolosal::store
