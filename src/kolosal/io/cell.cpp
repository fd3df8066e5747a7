#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include "kolosal/data/text_value.hpp"
#include "kolosal/io/cell_internal.hpp"

namespace kolosal::io {
namespace {

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] | 0x20) : text[i];
    if (c != lower_case[i]) return false;
  }
  return true;
}

// inf, infinity and nan, with or without a sign: 0 when it is none of them.
double special_number(std::string_view text) {
  double sign = 1;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  if (equals_ignoring_case(text, "inf") || equals_ignoring_case(text, "infinity"))
    return sign * std::numeric_limits<double>::infinity();
  if (equals_ignoring_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  return 0;
}

// Powers of ten that a double holds exactly.
constexpr double kExactPower[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// A number whose digits are correct, with '.', that from_chars finds out of range: infinite or 0 by its
// magnitude.
double out_of_range(std::string_view text) {
  const bool negative = text.front() == '-';
  long magnitude = 0;  // decimal exponent of the first digit that is not 0, plus 1
  bool seen_digit = false, seen_point = false;
  std::size_t i = negative ? 1 : 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      seen_point = true;
    } else {
      seen_digit = seen_digit || text[i] != '0';
      if (seen_digit && !seen_point) ++magnitude;
      if (!seen_digit && seen_point) --magnitude;
    }
  }
  long exponent = 0;
  if (i < text.size()) {
    const std::string_view digits = text.substr(text[i + 1] == '+' ? i + 2 : i + 1);
    const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (failure != std::errc()) exponent = digits.front() == '-' ? -1'000'000'000 : 1'000'000'000;
  }
  const double size = magnitude + exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return negative ? -size : size;
}

// The exact way, for what the short way can not do.
bool read_float_slow(std::string_view text, char decimal, double& value) {
  std::string copy;
  if (decimal == ',') {
    if (text.find('.') != std::string_view::npos) return false;
    copy = text;
    std::replace(copy.begin(), copy.end(), ',', '.');
    text = copy;
  }
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure == std::errc::invalid_argument || stop != end) return false;
  if (failure == std::errc::result_out_of_range) value = out_of_range(text);
  return true;
}

// Reads at most `most` digits.
std::size_t take_number(std::string_view& text, std::size_t most, int& value) {
  std::size_t n = 0;
  value = 0;
  for (; n < most && n < text.size() && is_digit(text[n]); ++n) value = value * 10 + (text[n] - '0');
  text.remove_prefix(n);
  return n;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

struct Day {
  int year = 0, first = 0, second = 0;  // first and second in the order in which they stand
  bool year_first = false;
  char separator = 0;
};

bool take_day(std::string_view& text, Day& day) {
  int a = 0;
  const std::size_t width = take_number(text, 4, a);
  if ((width != 4 && width != 1 && width != 2) || text.empty()) return false;
  day.separator = text.front();
  if (day.separator != '-' && day.separator != '/' && day.separator != '.') return false;
  text.remove_prefix(1);
  int b = 0, c = 0;
  if (take_number(text, 2, b) == 0 || !take(text, day.separator)) return false;
  day.year_first = width == 4;
  const std::size_t last = take_number(text, day.year_first ? 2 : 4, c);
  if (last == 0 || (!day.year_first && last != 4)) return false;
  if (!text.empty() && is_digit(text.front())) return false;
  day.year = day.year_first ? a : c;
  day.first = day.year_first ? b : a;
  day.second = day.year_first ? c : b;
  return true;
}

bool make_day(int year, int month, int day_of_month, std::int64_t& days) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day_of_month))};
  // Nanoseconds in 64 bits reach from 1677-09-21 to 2262-04-11.
  if (!date.ok() || year < 1678 || year > 2261) return false;
  days = std::chrono::sys_days(date).time_since_epoch().count();
  return true;
}

// After the day: "T12:30", " 12:30:05.25", " 3:45 PM", then a zone. Nanoseconds to add to the day.
bool take_time(std::string_view& text, std::int64_t& nanoseconds) {
  if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return false;
  int hour = 0, minute = 0, second = 0;
  if (take_number(text, 2, hour) == 0 || !take(text, ':') || take_number(text, 2, minute) != 2) return false;
  std::int64_t fraction = 0;
  if (take(text, ':')) {
    if (take_number(text, 2, second) != 2) return false;
    if (!text.empty() && (text.front() == '.' || text.front() == ',')) {
      text.remove_prefix(1);
      std::size_t n = 0;
      for (std::int64_t unit = 100'000'000; n < text.size() && is_digit(text[n]); ++n, unit /= 10)
        fraction += (text[n] - '0') * unit;
      if (n == 0) return false;
      text.remove_prefix(n);
    }
  }
  if (text.size() >= 2 && (text.substr(text.size() - 2) == "AM" || text.substr(text.size() - 2) == "PM")) {
    const bool afternoon = text[text.size() - 2] == 'P';
    if (hour < 1 || hour > 12 || text.size() > 3 || (text.size() == 3 && text[0] != ' ')) return false;
    hour = hour % 12 + (afternoon ? 12 : 0);
    text = {};
  }
  // 24:00 is the end of the day and 23:59:60 a leap second; both are the first moment after.
  const bool end_of_day = hour == 24 && minute == 0 && second == 0 && fraction == 0;
  if ((hour > 23 && !end_of_day) || minute > 59 || second > 60) return false;
  nanoseconds = (std::int64_t{hour} * 3600 + minute * 60 + second) * data::kNanosecondsPerSecond + fraction;
  take(text, ' ');
  if (text.empty()) return true;
  if (text == "Z" || text == "z" || text == "UTC") {
    text = {};
    return true;
  }
  const bool west = text.front() == '-';
  if (!take(text, '+') && !take(text, '-')) return false;
  int zone_hour = 0, zone_minute = 0;
  if (take_number(text, 2, zone_hour) != 2 || zone_hour > 23) return false;
  take(text, ':');
  if (!text.empty() && (take_number(text, 2, zone_minute) != 2 || zone_minute > 59)) return false;
  const std::int64_t offset =
      (std::int64_t{zone_hour} * 3600 + zone_minute * 60) * data::kNanosecondsPerSecond;
  nanoseconds += west ? offset : -offset;
  return text.empty();
}

std::uint32_t classify_moment(std::string_view text) {
  Day day;
  if (text.size() < 8 || text.size() > 40 || !take_day(text, day)) return kind::kText;
  std::int64_t value = 0;
  std::uint32_t kinds = 0;
  if (day.year_first) {
    if (!make_day(day.year, day.first, day.second, value)) return kind::kText;
    kinds = kind::kYmd;
  } else {
    const bool month_first = make_day(day.year, day.first, day.second, value);
    const bool day_first = make_day(day.year, day.second, day.first, value);
    if (!month_first && !day_first) return kind::kText;
    if (month_first && day_first)
      kinds = day.separator == '/' ? kind::kEitherSlash : kind::kEitherOther;
    else
      kinds = month_first ? kind::kMonthFirst : kind::kDayFirst;
  }
  if (text.empty()) return kinds;
  return take_time(text, value) ? kinds | kind::kHasTime : kind::kText;
}

std::uint32_t classify_word(std::string_view text) {
  if (text.size() > 9) return kind::kText;
  switch (text.front() | 0x20) {
    case 't':
      if (text.size() == 1) return kind::kT;
      return equals_ignoring_case(text, "true") ? kind::kTrue : kind::kText;
    case 'f':
      if (text.size() == 1) return kind::kF;
      return equals_ignoring_case(text, "false") ? kind::kFalse : kind::kText;
    case 'y':
      if (text.size() == 1) return kind::kY;
      return equals_ignoring_case(text, "yes") ? kind::kYes : kind::kText;
    case 'n':
      if (text.size() == 1) return kind::kN;
      if (equals_ignoring_case(text, "no")) return kind::kNo;
      return special_number(text) != 0 ? kind::kFloat : kind::kText;
    case 'i':
      return special_number(text) != 0 ? kind::kFloat : kind::kText;
    default:
      return kind::kText;
  }
}

}  // namespace

std::uint32_t classify(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool has_sign = *p == '-' || *p == '+';
  if (has_sign) ++p;
  const char* const digits = p;
  while (p < end && is_digit(*p)) ++p;
  const std::size_t n_whole = static_cast<std::size_t>(p - digits);
  if (p == end) {
    if (n_whole == 0) return kind::kText;
    if (n_whole > 1 && *digits == '0') return kind::kLeadingZero;
    if (n_whole <= 18) return kind::kInt;
    std::int64_t value = 0;
    return read_int(text, value) ? kind::kInt : kind::kBigInt;
  }
  if (n_whole == 0 && *p != '.' && *p != ',')
    return !has_sign ? classify_word(text) : special_number(text) != 0 ? kind::kFloat : kind::kText;
  std::uint32_t number = kind::kFloat;
  std::size_t n_fraction = 0;
  if (*p == '.' || *p == ',') {
    number = *p == '.' ? kind::kFloatPoint : kind::kFloatComma;
    const char* const fraction = ++p;
    while (p < end && is_digit(*p)) ++p;
    n_fraction = static_cast<std::size_t>(p - fraction);
  }
  if (n_whole + n_fraction == 0) return kind::kText;
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end && (*p == '-' || *p == '+')) ++p;
    const char* const exponent = p;
    while (p < end && is_digit(*p)) ++p;
    if (p == exponent) return kind::kText;
  }
  if (p == end) return number;
  return has_sign ? kind::kText : classify_moment(text);
}

std::uint32_t classify_string(std::string_view text) {
  return is_digit(text.front()) ? classify_moment(text) : kind::kText;
}

bool read_int(std::string_view text, std::int64_t& value) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) ++p;
  if (p == end) return false;
  if (end - p <= 18) {
    std::int64_t sum = 0;
    for (; p < end; ++p) {
      if (!is_digit(*p)) return false;
      sum = sum * 10 + (*p - '0');
    }
    value = negative ? -sum : sum;
    return true;
  }
  if (!is_digit(*p)) return false;
  const auto [stop, failure] = std::from_chars(negative ? p - 1 : p, end, value);
  return failure == std::errc() && stop == end;
}

bool read_float(std::string_view text, char decimal, double& value) {
  const char* p = text.data();
  const char* const end = p + text.size();
  if (p == end) return false;
  const bool negative = *p == '-';
  if (*p == '-' || *p == '+') ++p;
  std::uint64_t mantissa = 0;
  const char* const first = p;
  while (p < end && is_digit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
  std::size_t n_digits = static_cast<std::size_t>(p - first);
  int exponent = 0;
  if (p < end && *p == decimal) {
    const char* const fraction = ++p;
    while (p < end && is_digit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
    exponent = -static_cast<int>(p - fraction);
    n_digits += static_cast<std::size_t>(p - fraction);
  }
  if (n_digits == 0) {
    value = special_number(text);
    return value != 0;
  }
  if (n_digits > 19) return read_float_slow(text, decimal, value);
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool negative_exponent = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    if (p == end || end - p > 4) return p != end && read_float_slow(text, decimal, value);
    int written = 0;
    for (; p < end && is_digit(*p); ++p) written = written * 10 + (*p - '0');
    exponent += negative_exponent ? -written : written;
  }
  if (p != end) return false;
  // A double holds integers below 2^53 and powers of ten up to 22 exactly, so one operation rounds once:
  // correctly (Clinger 1990).
  if (mantissa < (std::uint64_t{1} << 53) && exponent >= -22 && exponent <= 22) {
    const double whole = static_cast<double>(mantissa);
    const double size = exponent < 0 ? whole / kExactPower[-exponent] : whole * kExactPower[exponent];
    value = negative ? -size : size;
    return true;
  }
  return read_float_slow(text, decimal, value);
}

bool read_bool(std::string_view text, std::uint8_t& value) {
  if (text == "1" || text == "0") {
    value = text == "1";
    return true;
  }
  if (text.empty()) return false;
  const std::uint32_t kinds = classify_word(text);
  if ((kinds & kind::kBool) == 0) return false;
  value = (kinds & (kind::kTrue | kind::kYes | kind::kT | kind::kY)) != 0;
  return true;
}

bool read_moment(std::string_view text, DateOrder order, std::int64_t& nanoseconds) {
  Day day;
  if (!take_day(text, day)) return false;
  const bool month_first = day.year_first || order != DateOrder::kDayFirst;
  std::int64_t days = 0;
  if (!make_day(day.year, month_first ? day.first : day.second, month_first ? day.second : day.first, days))
    return false;
  std::int64_t in_day = 0;
  if (!text.empty() && !take_time(text, in_day)) return false;
  nanoseconds = days * data::kNanosecondsPerDay + in_day;
  return true;
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

MissingTokens::MissingTokens(const std::vector<std::string>& tokens) : tokens_(tokens) {
  for (std::string& token : tokens_) {
    token = trim(token);
    if (token.empty()) {
      empty_ = true;
    } else {
      first_[static_cast<unsigned char>(token.front())] = true;
      longest_ = std::max(longest_, token.size());
    }
  }
}

bool MissingTokens::find(std::string_view text) const {
  return std::find(tokens_.begin(), tokens_.end(), text) != tokens_.end();
}

}  // namespace kolosal::io
