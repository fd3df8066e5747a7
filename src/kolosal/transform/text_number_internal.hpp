#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace kolosal::transform {

/// A number that is written somewhere in a text.
struct FoundNumber {
  double value;            ///< NaN for one that is too large for a double.
  std::size_t begin, end;  ///< Its digits and marks, without a sign.
};

/// The first number at or after `from`: "1,200 EUR" 1200, "about -3.5" -3.5, "C85" 85, "1.200,50" 1200.5. A
/// single "1.200" is a decimal number, a single "1,200" has thousands. A minus sign counts where no word is
/// before it.
std::optional<FoundNumber> find_number(std::string_view text, std::size_t from);

}  // namespace kolosal::transform
