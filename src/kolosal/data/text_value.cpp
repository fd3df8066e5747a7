#include "kolosal/data/text_value.hpp"

#include <fmt/format.h>
#include <locale.h>
#include <stdlib.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <system_error>

namespace kolosal::data {
namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (lower(text[i]) != lower_case[i]) return false;
  return true;
}

// std::from_chars does not say in which direction a number is out of range; strtod does.
double out_of_range_number(std::string_view text) {
  static const locale_t c_locale = newlocale(LC_ALL_MASK, "C", nullptr);
  const std::string copy(text);
  return strtod_l(copy.c_str(), nullptr, c_locale);
}

// Reads exactly n digits.
std::optional<int> take_digits(std::string_view& text, std::size_t n) {
  if (text.size() < n) return {};
  int value = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (text[i] < '0' || text[i] > '9') return {};
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(n);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// Days since 1970-01-01.
std::optional<std::int64_t> take_day(std::string_view& text) {
  const auto year = take_digits(text, 4);
  if (!year) return {};
  const bool dashes = take(text, '-');
  const auto month = take_digits(text, 2);
  if (!month || (dashes && !take(text, '-'))) return {};
  const auto day = take_digits(text, 2);
  if (!day) return {};
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return {};
  return std::chrono::sys_days(date).time_since_epoch().count();
}

// Digits after the decimal point; those past the ninth are dropped.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  std::int64_t nanoseconds = 0;
  std::int64_t unit = kNanosecondsPerSecond / 10;
  std::size_t n = 0;
  for (; n < text.size() && text[n] >= '0' && text[n] <= '9'; ++n, unit /= 10)
    nanoseconds += (text[n] - '0') * unit;
  if (n == 0) return {};
  text.remove_prefix(n);
  return nanoseconds;
}

// "12:30", "12:30:05", "12:30:05.25": nanoseconds since midnight.
std::optional<std::int64_t> take_time(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return {};
  const auto minute = take_digits(text, 2);
  if (!minute) return {};
  int second = 0;
  std::int64_t fraction = 0;
  if (take(text, ':')) {
    const auto read = take_digits(text, 2);
    if (!read) return {};
    second = *read;
    if (take(text, '.') || take(text, ',')) {
      const auto part = take_fraction(text);
      if (!part) return {};
      fraction = *part;
    }
  }
  // 24:00 is the end of the day and 23:59:60 a leap second; both are the first moment after.
  const bool end_of_day = *hour == 24 && *minute == 0 && second == 0 && fraction == 0;
  if ((*hour > 23 && !end_of_day) || *minute > 59 || second > 60) return {};
  return (std::int64_t{*hour} * 3600 + *minute * 60 + second) * kNanosecondsPerSecond + fraction;
}

// "", "Z", "+02:00", "+0200", "+02": nanoseconds east of UTC.
std::optional<std::int64_t> take_zone(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  if (text.empty() || take(text, 'Z') || take(text, 'z')) return 0;
  const bool west = text.front() == '-';
  if (!take(text, '+') && !take(text, '-')) return {};
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23) return {};
  int minute = 0;
  if (!text.empty()) {
    take(text, ':');
    const auto read = take_digits(text, 2);
    if (!read || *read > 59) return {};
    minute = *read;
  }
  const std::int64_t offset = (std::int64_t{*hour} * 3600 + minute * 60) * kNanosecondsPerSecond;
  return west ? -offset : offset;
}

template <typename T>
std::string shortest(T value) {
  if (std::isnan(value)) return {};
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

}  // namespace

std::optional<std::int64_t> parse_int(std::string_view text) {
  text = trim(text);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (text.empty() || failure != std::errc() || stop != end) return {};
  return value;
}

std::optional<double> parse_float(std::string_view text) {
  text = trim(text);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (text.empty() || failure == std::errc::invalid_argument || stop != end) return {};
  if (failure == std::errc::result_out_of_range) return out_of_range_number(text);
  if (std::isnan(value)) return {};
  return value;
}

std::optional<bool> parse_bool(std::string_view text) {
  text = trim(text);
  for (const std::string_view word : {"true", "yes", "t", "y", "1", "1.0"})
    if (equals_ignoring_case(text, word)) return true;
  for (const std::string_view word : {"false", "no", "f", "n", "0", "0.0"})
    if (equals_ignoring_case(text, word)) return false;
  return {};
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  text = trim(text);
  const auto day = take_day(text);
  if (!day) return {};
  std::int64_t in_day = 0;
  if (!text.empty()) {
    if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return {};
    const auto time = take_time(text);
    if (!time) return {};
    const auto offset = take_zone(text);
    if (!offset || !text.empty()) return {};
    in_day = *time - *offset;
  }
  // Wide: the first day that 64 bits reach into starts before them.
  const __int128 nanoseconds = static_cast<__int128>(*day) * kNanosecondsPerDay + in_day;
  if (nanoseconds < INT64_MIN || nanoseconds > INT64_MAX) return {};
  return static_cast<std::int64_t>(nanoseconds);
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  const auto nanoseconds = parse_timestamp(text);
  if (!nanoseconds) return {};
  return floor_to_day(*nanoseconds);
}

bool is_missing_text(std::string_view text) {
  text = trim(text);
  if (text.empty()) return true;
  if (text.size() > 5) return false;
  for (const std::string_view word : {"na", "n/a", "#n/a", "nan", "-nan", "null", "none", "?"})
    if (equals_ignoring_case(text, word)) return true;
  return false;
}

std::string format_int(std::int64_t value) { return fmt::format_int(value).str(); }
std::string format_float(double value) { return shortest(value); }
std::string format_float(float value) { return shortest(value); }

std::int64_t floor_to_day(std::int64_t nanoseconds) {
  std::int64_t rest = nanoseconds % kNanosecondsPerDay;
  if (rest < 0) rest += kNanosecondsPerDay;
  // The first day that 64 bits reach into starts before them; it is cut to their beginning.
  std::int64_t day = 0;
  return __builtin_sub_overflow(nanoseconds, rest, &day) ? INT64_MIN : day;
}

std::string format_date(std::int64_t nanoseconds) {
  const auto day = std::chrono::floor<std::chrono::days>(std::chrono::nanoseconds(nanoseconds));
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string format_timestamp(std::int64_t nanoseconds) {
  std::int64_t rest = nanoseconds % kNanosecondsPerDay;
  if (rest < 0) rest += kNanosecondsPerDay;
  const std::int64_t seconds = rest / kNanosecondsPerSecond;
  const std::int64_t fraction = rest % kNanosecondsPerSecond;
  std::string out = format_date(nanoseconds);
  out += fmt::format("T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (fraction == 0) return out;
  if (fraction % 1'000'000 == 0) return out + fmt::format(".{:03}", fraction / 1'000'000);
  if (fraction % 1'000 == 0) return out + fmt::format(".{:06}", fraction / 1'000);
  return out + fmt::format(".{:09}", fraction);
}

}  // namespace kolosal::data
