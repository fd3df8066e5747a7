#include "kolosal/core/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace kolosal {
namespace {

// Length of the well-formed character at `at`, at most n_left bytes; 0 when there is none.
std::size_t character_length(const unsigned char* at, std::size_t n_left) {
  const unsigned char first = at[0];
  if (first < 0x80) return 1;
  // The second byte carries the limits against overlong forms, surrogates and what is above U+10FFFF.
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  }
  if (length == 0 || length > n_left || at[1] < low || at[1] > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (at[i] < 0x80 || at[i] > 0xBF) return 0;
  return length;
}

}  // namespace

std::size_t first_invalid_utf8(std::string_view text) noexcept {
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint64_t word = 0;
    if (text.size() - i >= sizeof word) {
      std::memcpy(&word, data + i, sizeof word);
      if ((word & 0x8080808080808080ULL) == 0) {
        i += sizeof word;
        continue;
      }
    }
    const std::size_t length = character_length(data + i, text.size() - i);
    if (length == 0) return i;
    i += length;
  }
  return text.size();
}

}  // namespace kolosal
