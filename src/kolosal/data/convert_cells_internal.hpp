#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "kolosal/data/column.hpp"

namespace kolosal::data {

// How single cells are brought to another type: what columns (convert.cpp) and rows (FieldReader) share.

/// Whole numbers below this are exact as doubles.
inline constexpr double kExactIntegers = 9007199254740992.0;

/// Empty for fractions and what 64 bits do not hold.
std::optional<std::int64_t> whole_number(double value);

struct Rounded {
  std::int64_t whole = 0;
  bool was_fraction = false;
};
std::optional<Rounded> parse_rounded(std::string_view text);

std::optional<bool> zero_or_one(double value);
std::optional<std::uint8_t> parse_bool_value(std::string_view text);

/// Finds the level of a number. A file may write the same number in several ways ("1", "1.0", "01"): the
/// level that is written as we would write it goes first, then any level that reads as the same number.
class NumberLevels {
 public:
  /// dictionary must outlive this.
  explicit NumberLevels(const Dictionary& dictionary);
  /// text: the number as we write it.
  std::int32_t find(double value, std::string_view text) const;

 private:
  const Dictionary& dictionary_;
  std::unordered_map<double, std::int32_t> codes_;
};

/// The levels of false and true: "false" and "true" first, then "no"/"yes", "0"/"1" and so on.
std::pair<std::int32_t, std::int32_t> bool_levels(const Dictionary& dictionary);

/// The code of a level; kMissingCode for the usual ways to write that there is no value.
std::int32_t level_code(std::string_view level, const Dictionary& dictionary);

}  // namespace kolosal::data
