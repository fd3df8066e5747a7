#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <string_view>

#include "kolosal/core/error.hpp"

namespace kolosal::metric {

/// The parameter of a metric, the text after the colon of "pinball:0.9", as a number that accept(number)
/// allows. `demand` ends the sentence "the parameter of pinball must be ...".
/// @throws Error kInvalidParameter
template <typename Number, typename Accept>
Number number_parameter(std::string_view metric, std::string_view text, std::string_view demand,
                        Accept accept) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !accept(value))
    throw Error(ErrorCode::kInvalidParameter, "the parameter of {} must be {}: \"{}\"", metric, demand, text);
  return value;
}

/// A whole number of at least 1.
inline std::size_t count_parameter(std::string_view metric, std::string_view text) {
  return number_parameter<std::size_t>(metric, text, "a whole number of at least 1",
                                       [](std::size_t value) { return value >= 1; });
}

}  // namespace kolosal::metric
