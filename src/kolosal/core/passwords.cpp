#include "kolosal/core/passwords.hpp"

#include <algorithm>

namespace kolosal {
namespace {

constexpr std::string_view kHidden = "***";

std::string hidden_in_address(std::string_view address) {
  std::string out(address);
  // A password may hold any character, also an @ of its own: the last one ends it.
  if (const auto at = out.rfind('@'); at != std::string::npos)
    if (const auto colon = out.find(':'); colon < at) out.replace(colon + 1, at - colon - 1, kHidden);
  constexpr std::string_view kKey = "password=";
  for (std::size_t from = out.find(kKey); from != std::string::npos; from = out.find(kKey, from)) {
    from += kKey.size();
    out.replace(from, std::min(out.find('&', from), out.size()) - from, kHidden);
  }
  return out;
}

}  // namespace

std::string without_passwords(std::string_view text) {
  constexpr std::string_view kMark = "://";
  std::string out;
  for (auto at = text.find(kMark); at != std::string_view::npos; at = text.find(kMark)) {
    out += text.substr(0, at + kMark.size());
    text.remove_prefix(at + kMark.size());
    const std::string_view address = text.substr(0, text.find_first_of(" \t\n\"'"));
    out += hidden_in_address(address);
    text.remove_prefix(address.size());
  }
  return out + std::string(text);
}

}  // namespace kolosal
