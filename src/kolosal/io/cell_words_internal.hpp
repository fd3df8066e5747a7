#pragma once

#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kolosal/io/cell_internal.hpp"

namespace kolosal::io {

// The usual forms of numbers, dates and times, read eight bytes at a time. Each function says whether the
// text has its form; if not, the functions of cell_internal.hpp decide. When it has, the value is exactly
// theirs. All read up to 24 bytes from the start of the text, whatever its size.

namespace words {

inline constexpr std::uint64_t kZeros = 0x3030303030303030;

inline std::uint64_t load(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, 8);
  return word;
}

/// The first n (1 .. 8) bytes at the upper end, as digits: those before them are 0.
inline std::uint64_t digits(const char* p, std::size_t n) { return (load(p) ^ kZeros) << (64 - 8 * n); }

inline bool are_digits(std::uint64_t word) {
  return (((word + 0x7676767676767676) | word) & 0x8080808080808080) == 0;
}

/// Eight digits to their number, in three multiplications: pairs, fours, all.
inline std::uint64_t number(std::uint64_t digits) {
  digits = (digits * 10) + (digits >> 8);
  digits = ((digits & 0x000000FF000000FF) * 0x000F424000000064 +
            ((digits >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >>
           32;
  return digits;
}

/// Up to 16 digits.
inline bool read_digits(const char* p, std::size_t n, std::uint64_t& value) {
  if (n <= 8) {
    const std::uint64_t word = n == 0 ? 0 : digits(p, n);
    value = number(word);
    return are_digits(word);
  }
  const std::uint64_t high = digits(p, n - 8), low = load(p + n - 8) ^ kZeros;
  value = number(high) * 100'000'000 + number(low);
  return are_digits(high) && are_digits(low);
}

inline bool read_pair(const char* p, unsigned& value) {
  const unsigned a = static_cast<unsigned char>(p[0]) - 48U, b = static_cast<unsigned char>(p[1]) - 48U;
  value = a * 10 + b;
  return a < 10 && b < 10;
}

inline constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
inline constexpr std::uint64_t kWholePowers[] = {1ULL,
                                                 10ULL,
                                                 100ULL,
                                                 1'000ULL,
                                                 10'000ULL,
                                                 100'000ULL,
                                                 1'000'000ULL,
                                                 10'000'000ULL,
                                                 100'000'000ULL,
                                                 1'000'000'000ULL,
                                                 10'000'000'000ULL,
                                                 100'000'000'000ULL,
                                                 1'000'000'000'000ULL,
                                                 10'000'000'000'000ULL,
                                                 100'000'000'000'000ULL,
                                                 1'000'000'000'000'000ULL,
                                                 10'000'000'000'000'000ULL};

/// mantissa / 10^n_fraction, n_fraction <= 16, correctly rounded. False: this way can not tell.
inline bool scale_down(std::uint64_t mantissa, std::size_t n_fraction, double& value) {
  if (mantissa < (std::uint64_t{1} << 53)) {  // both exact, so one rounding (Clinger 1990)
    value = static_cast<double>(mantissa) / kPowers[n_fraction];
    return true;
  }
#if LDBL_MANT_DIG == 64
  // Both exact in 64 bits, so the quotient is rounded once, to 64 bits. Rounding it again, to 53, goes wrong
  // only if it now lies exactly between two doubles.
  const long double quotient =
      static_cast<long double>(mantissa) / static_cast<long double>(kPowers[n_fraction]);
  std::uint64_t bits;
  std::memcpy(&bits, &quotient, 8);
  value = static_cast<double>(quotient);
  return (bits & 0x7FF) != 0x400;
#else
  return false;
#endif
}

}  // namespace words

/// 0, 12, -345: no leading zero, at most 16 digits.
inline bool read_plain_int(const char* p, std::size_t n, std::int64_t& value) {
  const bool negative = *p == '-';
  p += negative;
  n -= negative;
  std::uint64_t size = 0;
  if (n - 1 >= 16 || (*p == '0' && n > 1) || !words::read_digits(p, n, size)) return false;
  value = negative ? -static_cast<std::int64_t>(size) : static_cast<std::int64_t>(size);
  return true;
}

/// 1.5, -0.25, 38.13370472996838: at most 7 digits, the decimal sign, 1 to 16 digits; at most 19 in all.
inline bool read_plain_float(const char* p, std::size_t n, char decimal, double& value) {
  const bool negative = *p == '-';
  p += negative;
  n -= negative;
  // The first byte that equals the decimal sign; bytes above it may be marked falsely.
  const std::uint64_t ones = 0x0101010101010101;
  const std::uint64_t difference = words::load(p) ^ (ones * static_cast<unsigned char>(decimal));
  const std::uint64_t mark = (difference - ones) & ~difference & (ones << 7);
  if (mark == 0) return false;
  const std::size_t n_whole = static_cast<std::size_t>(__builtin_ctzll(mark)) / 8;
  const std::size_t n_fraction = n - n_whole - 1;  // wraps when the sign is beyond the cell
  std::uint64_t mantissa = 0;
  if (n <= 8) {
    if (n_fraction - 1 >= 8 || n_whole == 0) return false;
    // Takes the sign out by moving what is before it up one byte.
    const std::uint64_t word = words::load(p) ^ words::kZeros;
    const std::uint64_t before = (std::uint64_t{1} << (8 * n_whole)) - 1;
    const std::uint64_t joined = ((word & before) << 8 | (word & ~(before << 8 | 0xFF))) << (64 - 8 * n);
    if (!words::are_digits(joined)) return false;
    mantissa = words::number(joined);
  } else {
    std::uint64_t whole = 0, fraction = 0;
    if (n_fraction - 1 >= 16 || n_whole == 0 || n > 20 || !words::read_digits(p, n_whole, whole) ||
        !words::read_digits(p + n_whole + 1, n_fraction, fraction))
      return false;
    mantissa = whole * words::kWholePowers[n_fraction] + fraction;
  }
  double size = 0;
  if (!words::scale_down(mantissa, n_fraction, size)) return false;
  value = negative ? -size : size;
  return true;
}

/// 2024-01-31 at p: days since 1970-01-01, for the years that nanoseconds in 64 bits reach.
inline bool read_plain_day(const char* p, std::int64_t& days) {
  const std::uint64_t word = words::load(p) ^ 0x2D30302D30303030;  // "0000-00-"
  unsigned day = 0;
  if (!words::are_digits(word) || (word & 0xFF0000FF00000000) != 0 || !words::read_pair(p + 8, day))
    return false;
  const auto digit = [word](int i) { return static_cast<unsigned>(word >> (8 * i)) & 0xFF; };
  const unsigned year = digit(0) * 1000 + digit(1) * 100 + digit(2) * 10 + digit(3);
  const unsigned month = digit(5) * 10 + digit(6);
  constexpr unsigned char kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1678 || year > 2261 || month - 1 > 11 || day == 0) return false;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (day > kDays[month - 1] + (month == 2 && leap ? 1U : 0U)) return false;
  // The year begins in March, so that the leap day is its last (Howard Hinnant, chrono-compatible
  // algorithms).
  const unsigned y = month <= 2 ? year - 1 : year;
  const unsigned m = month <= 2 ? month + 9 : month - 3;
  const unsigned of_year = (153 * m + 2) / 5 + day - 1;
  days = static_cast<std::int64_t>(y * 365 + y / 4 - y / 100 + y / 400 + of_year) - 719'468;
  return true;
}

/// 12:34:56 at p, as seconds.
inline bool read_plain_time(const char* p, std::int64_t& seconds) {
  const std::uint64_t word = words::load(p) ^ 0x30303A30303A3030;  // "00:00:00"
  if (!words::are_digits(word) || (word & 0x0000FF0000FF0000) != 0) return false;
  const auto digit = [word](int i) { return static_cast<unsigned>(word >> (8 * i)) & 0xFF; };
  const unsigned hour = digit(0) * 10 + digit(1), minute = digit(3) * 10 + digit(4),
                 second = digit(6) * 10 + digit(7);
  seconds = hour * 3600 + minute * 60 + second;
  return hour < 24 && minute < 60 && second < 60;
}

}  // namespace kolosal::io
