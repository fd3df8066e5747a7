#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kolosal::io {

/// One cell of a row as a tokenizer gives it: the text without its quotes, not yet trimmed or typed.
struct Cell {
  const char* begin = nullptr;
  std::size_t size : 60 = 0;
  std::size_t quoted : 1 = 0;     ///< Stood in quotes, so an empty one may be an empty string.
  std::size_t transient : 1 = 0;  ///< The text lives only as long as its block of rows (escapes were undone).
  std::size_t absent : 1 = 0;     ///< No value for certain: null or no such key in JSON.
  std::size_t string : 1 = 0;     ///< A string by its syntax (JSON), so never a number or a boolean.

  std::string_view text() const { return {begin, size}; }
  void set_text(const char* text_begin, const char* text_end) {
    begin = text_begin;
    size = static_cast<std::size_t>(text_end - text_begin) & ((std::size_t{1} << 60) - 1);
  }
};

/// Cuts the blanks around a cell: spaces, tabs and carriage returns.
inline std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// What a cell can be read as. A column ors the kinds of its cells and is typed by the result, so the order
/// of the rows does not matter.
namespace kind {
inline constexpr std::uint32_t kInt = 1 << 0;          ///< fits int64, no leading zero
inline constexpr std::uint32_t kLeadingZero = 1 << 1;  ///< 007
inline constexpr std::uint32_t kBigInt = 1 << 2;       ///< digits beyond int64
inline constexpr std::uint32_t kFloat = 1 << 3;        ///< 1e5, inf: a number without a decimal sign
inline constexpr std::uint32_t kFloatPoint = 1 << 4;   ///< 1.5
inline constexpr std::uint32_t kFloatComma = 1 << 5;   ///< 1,5
inline constexpr std::uint32_t kTrue = 1 << 6;
inline constexpr std::uint32_t kFalse = 1 << 7;
inline constexpr std::uint32_t kYes = 1 << 8;
inline constexpr std::uint32_t kNo = 1 << 9;
inline constexpr std::uint32_t kT = 1 << 10;
inline constexpr std::uint32_t kF = 1 << 11;
inline constexpr std::uint32_t kY = 1 << 12;
inline constexpr std::uint32_t kN = 1 << 13;
inline constexpr std::uint32_t kYmd = 1 << 14;          ///< 2024-01-31, 2024/01/31
inline constexpr std::uint32_t kMonthFirst = 1 << 15;   ///< 01/31/2024
inline constexpr std::uint32_t kDayFirst = 1 << 16;     ///< 31/01/2024, 31.01.2024
inline constexpr std::uint32_t kEitherSlash = 1 << 17;  ///< 01/02/2024
inline constexpr std::uint32_t kEitherOther = 1 << 18;  ///< 01.02.2024, 01-02-2024
inline constexpr std::uint32_t kHasTime = 1 << 19;      ///< a date with a time of day
inline constexpr std::uint32_t kText = 1 << 20;         ///< nothing of the above
inline constexpr std::uint32_t kNumber = kInt | kLeadingZero | kBigInt | kFloat | kFloatPoint | kFloatComma;
inline constexpr std::uint32_t kBool = kTrue | kFalse | kYes | kNo | kT | kF | kY | kN;
inline constexpr std::uint32_t kMoment = kYmd | kMonthFirst | kDayFirst | kEitherSlash | kEitherOther;
}  // namespace kind

/// The kinds of a trimmed cell that is not empty.
std::uint32_t classify(std::string_view text);
/// Of a JSON string: a date, a timestamp or text.
std::uint32_t classify_string(std::string_view text);

enum class DateOrder : std::uint8_t { kYmd, kMonthFirst, kDayFirst };

// All take a trimmed cell and say whether it is one.
bool read_int(std::string_view text, std::int64_t& value);
/// `decimal` is '.' or ','. Too large gives infinity and too small 0. "nan" gives NaN.
bool read_float(std::string_view text, char decimal, double& value);
/// Words, 0 and 1, in any case.
bool read_bool(std::string_view text, std::uint8_t& value);
/// Nanoseconds since 1970-01-01 UTC. Texts with the year first are read in any order.
bool read_moment(std::string_view text, DateOrder order, std::int64_t& nanoseconds);

/// Appends a Unicode code point as UTF-8.
void append_utf8(std::string& out, std::uint32_t code);

/// The set of cells that mean "no value".
class MissingTokens {
 public:
  explicit MissingTokens(const std::vector<std::string>& tokens);
  /// For a trimmed cell.
  bool contains(std::string_view text) const {
    if (text.empty()) return empty_;
    return first_[static_cast<unsigned char>(text.front())] && text.size() <= longest_ && find(text);
  }
  bool contains_empty() const { return empty_; }
  /// Whether a cell that starts with this byte may be missing once its blanks are cut.
  bool may_start(char c) const {
    return first_[static_cast<unsigned char>(c)] || c == ' ' || c == '\t' || c == '\r';
  }

 private:
  bool find(std::string_view text) const;
  std::vector<std::string> tokens_;
  std::array<bool, 256> first_{};
  std::size_t longest_ = 0;
  bool empty_ = false;
};

}  // namespace kolosal::io
