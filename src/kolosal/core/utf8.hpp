#pragma once

#include <cstddef>
#include <string_view>

namespace kolosal {

/// Where the first byte that is not part of well-formed UTF-8 stands (RFC 3629: no surrogates, no overlong
/// forms, nothing above U+10FFFF); text.size() when all is well. ASCII goes 8 bytes at a time.
std::size_t first_invalid_utf8(std::string_view text) noexcept;

inline bool is_valid_utf8(std::string_view text) noexcept { return first_invalid_utf8(text) == text.size(); }

}  // namespace kolosal
