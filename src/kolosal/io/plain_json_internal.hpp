#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace kolosal::io {

// JSON values without exceptions, the way most are written. What returns null is left to json_scanner.

/// The closing quote of a string whose text begins at p. Null where there is an escape, a control character
/// or no end.
inline const char* end_of_plain_string(const char* p, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    constexpr std::uint64_t kOnes = 0x0101010101010101U, kTops = 0x80 * kOnes;
    // The top bit of each byte that is below n; above the first such byte it may be wrong.
    const auto below = [](std::uint64_t bytes, std::uint64_t n) {
      return (bytes - n * kOnes) & ~bytes & kTops;
    };
    for (; end - p >= 8; p += 8) {
      std::uint64_t bytes;
      std::memcpy(&bytes, p, sizeof bytes);
      const std::uint64_t stops =
          below(bytes ^ ('"' * kOnes), 1) | below(bytes ^ ('\\' * kOnes), 1) | below(bytes, 0x20);
      if (stops == 0) continue;
      p += std::countr_zero(stops) / 8;
      return *p == '"' ? p : nullptr;
    }
  }
  for (; p < end; ++p)
    if (*p == '"' || *p == '\\' || static_cast<unsigned char>(*p) < 0x20) return *p == '"' ? p : nullptr;
  return nullptr;
}

/// The end of a number that is written without an exponent and with at most 15 digits: a whole number and a
/// power of ten that doubles hold exactly, so their quotient is the number, rounded once.
inline const char* read_plain_number(const char* p, const char* end, double& value) {
  constexpr std::ptrdiff_t kMostDigits = 15;
  constexpr double kPowers[kMostDigits] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                           1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
  const bool is_negative = p < end && *p == '-';
  if (is_negative) ++p;
  std::uint64_t number = 0;
  const auto take_digits = [&] {
    const char* const first = p;
    for (; p < end && *p >= '0' && *p <= '9'; ++p) number = 10 * number + static_cast<unsigned>(*p - '0');
    return p - first;
  };
  const char* const whole = p;
  const std::ptrdiff_t n_whole = take_digits();
  if (n_whole == 0 || n_whole > kMostDigits || (n_whole > 1 && *whole == '0')) return nullptr;
  std::ptrdiff_t n_fraction = 0;
  if (p < end && *p == '.') {
    ++p;
    n_fraction = take_digits();
    if (n_fraction == 0 || n_whole + n_fraction > kMostDigits) return nullptr;
  }
  if (p < end && (*p == 'e' || *p == 'E')) return nullptr;
  value = static_cast<double>(number) / kPowers[n_fraction];
  if (is_negative) value = -value;
  return p;
}

}  // namespace kolosal::io
