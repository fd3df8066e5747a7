#include "kolosal/data/convert_cells_internal.hpp"

#include <cmath>

#include "kolosal/data/text_value.hpp"

namespace kolosal::data {

std::optional<std::int64_t> whole_number(double value) {
  if (!(value >= -0x1p63 && value < 0x1p63) || value != std::floor(value)) return {};
  return static_cast<std::int64_t>(value);
}

std::optional<Rounded> parse_rounded(std::string_view text) {
  if (const auto value = parse_int(text)) return Rounded{*value, false};
  const auto value = parse_float(text);
  const auto whole = value ? whole_number(std::round(*value)) : std::nullopt;
  if (!whole) return {};
  return Rounded{*whole, *value != std::round(*value)};
}

std::optional<bool> zero_or_one(double value) {
  if (value != 0 && value != 1) return {};
  return value == 1;
}

std::optional<std::uint8_t> parse_bool_value(std::string_view text) {
  auto value = parse_bool(text);
  if (!value) {
    if (const auto number = parse_float(text)) value = zero_or_one(*number);
  }
  if (!value) return {};
  return static_cast<std::uint8_t>(*value);
}

NumberLevels::NumberLevels(const Dictionary& dictionary) : dictionary_(dictionary) {
  for (std::int32_t code = 0; code < dictionary.size(); ++code)
    if (const auto value = parse_float(dictionary.level(code)))
      codes_.emplace(*value + 0.0, code);  // -0.0 is 0
}

std::int32_t NumberLevels::find(double value, std::string_view text) const {
  if (const std::int32_t exact = dictionary_.find(text); exact >= 0) return exact;
  if (std::abs(value) >= kExactIntegers) return kUnseenCode;  // another whole number may be the same double
  const auto it = codes_.find(value + 0.0);
  return it == codes_.end() ? kUnseenCode : it->second;
}

std::pair<std::int32_t, std::int32_t> bool_levels(const Dictionary& dictionary) {
  std::int32_t code[2] = {dictionary.find("false"), dictionary.find("true")};
  for (std::int32_t i = 0; i < dictionary.size(); ++i)
    if (const auto value = parse_bool(dictionary.level(i)); value && code[*value] < 0) code[*value] = i;
  return {code[0], code[1]};
}

std::int32_t level_code(std::string_view level, const Dictionary& dictionary) {
  const std::int32_t code = dictionary.find(level);
  return code == kUnseenCode && is_missing_text(level) ? kMissingCode : code;
}

}  // namespace kolosal::data
