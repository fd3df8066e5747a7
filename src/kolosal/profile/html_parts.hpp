#pragma once

#include <string>
#include <string_view>

namespace kolosal::profile {

// What the pages that kolosal writes have in common.

/// A text as it may stand in an HTML element or in a quoted attribute. Bytes that are no UTF-8 become U+FFFD.
std::string escaped(std::string_view text);

/// A whole page, with the style sheet; `body` is HTML.
std::string html_frame(std::string_view title, const std::string& body);

}  // namespace kolosal::profile
