#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kolosal::data {

// How single values are written as text and read from it: the one place for CSV cells, category levels and
// predictions' inputs, so that what one writes another reads. No locale is used; surrounding blanks are
// ignored when reading.

inline constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
inline constexpr std::int64_t kNanosecondsPerDay = 86'400 * kNanosecondsPerSecond;

/// A whole number: "12", "-3", "+7". Empty for all else, also when it does not fit 64 bits.
std::optional<std::int64_t> parse_int(std::string_view text);
/// A number: what parse_int reads, "1.5", ".5", "1e-3", "inf". Too large is infinite and too small is 0, as
/// in C and Python ("1e400"). Empty for "nan", which is a missing cell and no number.
std::optional<double> parse_float(std::string_view text);
/// true/false, yes/no, t/f, y/n, 1/0, 1.0/0.0, in any case.
std::optional<bool> parse_bool(std::string_view text);
/// ISO 8601: a day "2024-02-29" or "20240229", or a day with a time "2024-02-29T12:30[:05[.123456789]]" after
/// 'T' or a blank, then nothing, "Z" or an offset "+02:00", "+0200", "+02". Without an offset: UTC.
/// Nanoseconds since 1970-01-01 00:00 UTC; empty when it is no such text or the year is outside 1677 .. 2262.
std::optional<std::int64_t> parse_timestamp(std::string_view text);
/// As parse_timestamp, then cut to its (UTC) day.
std::optional<std::int64_t> parse_date(std::string_view text);
/// Empty, or one of the usual ways to write that there is no value: NA, N/A, #N/A, NaN, null, None, ?, in any
/// case.
bool is_missing_text(std::string_view text);

std::string format_int(std::int64_t value);
/// The shortest text that reads back as the same number: 0.1, 1e+30, 5. "" for NaN.
std::string format_float(double value);
std::string format_float(float value);
/// 2024-02-29.
std::string format_date(std::int64_t nanoseconds);
/// 2024-02-29T12:30:05, with as many of 3, 6 or 9 decimals as are needed. UTC.
std::string format_timestamp(std::int64_t nanoseconds);

/// Nanoseconds of the start of the day that a moment is in (also before 1970).
std::int64_t floor_to_day(std::int64_t nanoseconds);

}  // namespace kolosal::data
