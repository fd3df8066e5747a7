#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kolosal::transform {

/// Appends the text in lower case: ASCII, Latin-1, Greek and Cyrillic letters; other characters as they are.
/// Bytes that are no UTF-8 pass untouched.
void append_lower_utf8(std::string_view text, std::string& out);

/// Whether a byte belongs to a word: ASCII letters and digits, and every byte of a character beyond ASCII.
inline bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (static_cast<unsigned char>(c) & 0x80);
}

/// Calls body(word) for each run of word bytes.
template <typename Body>
void for_each_word(std::string_view text, Body&& body) {
  for (std::size_t begin = 0; begin < text.size();) {
    if (!is_word_byte(text[begin])) {
      ++begin;
      continue;
    }
    std::size_t end = begin + 1;
    while (end < text.size() && is_word_byte(text[end])) ++end;
    body(text.substr(begin, end - begin));
    begin = end;
  }
}

}  // namespace kolosal::transform
