#include "kolosal/transform/text_number_internal.hpp"

#include <charconv>
#include <limits>
#include <string>

#include "kolosal/transform/text_words_internal.hpp"

namespace kolosal::transform {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Whether text[at] is a separator between thousands: exactly three digits follow.
bool separates_thousands(std::string_view text, std::size_t at) {
  std::size_t n = 0;
  while (at + 1 + n < text.size() && is_digit(text[at + 1 + n])) ++n;
  return n == 3;
}

// Digits of the number at `begin` in the form that from_chars reads: thousands separators gone, the decimal
// point a "."; i is set to its end.
std::string number_text(std::string_view text, std::size_t begin, std::size_t& i) {
  std::string out;
  char thousands = 0;
  i = begin;
  const auto take_digits = [&] {
    while (i < text.size() && is_digit(text[i])) out += text[i++];
  };
  take_digits();
  // "1,200" and "1,200,300": commas. "1.200.300" and "1.200,5": points; a single "1.200" is a decimal number.
  while (i < text.size() && out.size() <= 300 && (text[i] == ',' || text[i] == '.')) {
    const char mark = text[i];
    if ((thousands != 0 && mark != thousands) || !separates_thousands(text, i) ||
        (thousands == 0 && i - begin > 3))
      break;
    if (mark == '.') {
      const std::size_t next = i + 4;
      const bool more =
          next + 1 < text.size() && (text[next] == '.' || text[next] == ',') && is_digit(text[next + 1]);
      if (thousands == 0 && !more) break;
    }
    thousands = mark;
    ++i;
    take_digits();
  }
  if (i + 1 < text.size() && (text[i] == '.' || text[i] == ',') && text[i] != thousands &&
      is_digit(text[i + 1])) {
    ++i;
    out += '.';
    take_digits();
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    std::size_t j = i + 1;
    if (j < text.size() && (text[j] == '+' || text[j] == '-')) ++j;
    std::size_t end = j;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end > j && end - j <= 3 && (end == text.size() || !is_letter(text[end]))) {
      out += 'e';
      out.append(
          text.substr(i + 1 + (text[i + 1] == '+' ? 1 : 0), end - i - 1 - (text[i + 1] == '+' ? 1 : 0)));
      i = end;
    }
  }
  return out;
}

}  // namespace

std::optional<FoundNumber> find_number(std::string_view text, std::size_t from) {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (!is_digit(text[i])) continue;
    std::size_t begin = i, end = 0;
    std::string digits = number_text(text, i, end);
    // ".5" where no word is before the point.
    if (i > from && text[i - 1] == '.' && (i == 1 || !is_word_byte(text[i - 2]))) {
      begin = i - 1;
      digits = number_text("0" + std::string(text.substr(begin, 400)), 0, end);
      end += begin - 1;
    }
    const bool negative =
        begin > from && text[begin - 1] == '-' && (begin == 1 || !is_word_byte(text[begin - 2]));
    double value = 0;
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc::result_out_of_range) value = std::numeric_limits<double>::quiet_NaN();
    return FoundNumber{negative ? -value : value, begin, end};
  }
  return std::nullopt;
}

}  // namespace kolosal::transform
