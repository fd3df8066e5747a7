#pragma once

#include <string>
#include <string_view>

namespace kolosal {

/// The text with "***" in place of each password in an address: scheme://user:password@host, ?password=...
/// For what is shown or written down; what looks like a password by mistake is hidden too.
std::string without_passwords(std::string_view text);

}  // namespace kolosal
