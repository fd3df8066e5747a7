#include "kolosal/data/text_value.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace kolosal::data {
namespace {

using ::testing::Optional;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(TextValue, ReadsIntegers) {
  EXPECT_THAT(parse_int(" -12 "), Optional(-12));
  EXPECT_THAT(parse_int("+7"), Optional(7));
  EXPECT_THAT(parse_int("9223372036854775807"), Optional(INT64_MAX));
  for (const char* text : {"", " ", "+", "+-1", "1.0", "1e3", "9223372036854775808", "0x10", "1 2", "1,000"})
    EXPECT_FALSE(parse_int(text)) << text;
}

TEST(TextValue, ReadsNumbersOfAnySize) {
  EXPECT_THAT(parse_float("1.5"), Optional(1.5));
  EXPECT_THAT(parse_float(".5"), Optional(0.5));
  EXPECT_THAT(parse_float("+1e-3"), Optional(0.001));
  EXPECT_THAT(parse_float("1e400"), Optional(kInfinity));
  EXPECT_THAT(parse_float("-1e400"), Optional(-kInfinity));
  EXPECT_THAT(parse_float("1e-400"), Optional(0.0));
  EXPECT_THAT(parse_float("-inf"), Optional(-kInfinity));
  for (const char* text : {"", "nan", "-nan", "1,5", "abc", "1.5x", "+-1", "1e"})
    EXPECT_FALSE(parse_float(text)) << text;
}

TEST(TextValue, ReadsBooleansInAnyCase) {
  for (const char* text : {"true", "TRUE", "Yes", "t", "1", "1.0"})
    EXPECT_THAT(parse_bool(text), Optional(true)) << text;
  for (const char* text : {"false", "No", "F", "n", "0", " 0.0 "})
    EXPECT_THAT(parse_bool(text), Optional(false)) << text;
  for (const char* text : {"", "2", "maybe", "truth"}) EXPECT_FALSE(parse_bool(text)) << text;
}

TEST(TextValue, ReadsIso8601) {
  // Seconds since 1970, checked with `date -u -d TEXT +%s`.
  const std::pair<const char*, std::int64_t> cases[] = {
      {"1970-01-01", 0},
      {"2024-02-29", 1709164800},
      {"20240229", 1709164800},
      {"1969-12-31T23:59:59Z", -1},
      {"2024-02-29 12:30", 1709209800},
      {"2024-02-29T12:30:05+02:00", 1709202605},
      {"2024-02-29T12:30:05 +0200", 1709202605},
      {"2024-02-29T12:30:05-0130", 1709215205},
      {"2016-12-31T23:59:60Z", 1483228800},
      {"2024-02-29T24:00:00", 1709251200},
  };
  for (const auto& [text, seconds] : cases)
    EXPECT_THAT(parse_timestamp(text), Optional(seconds * kNanosecondsPerSecond)) << text;
  EXPECT_THAT(parse_timestamp("1970-01-01T00:00:00.1234567899"), Optional(123456789));
  EXPECT_THAT(parse_date("1969-12-31T23:59:59Z"), Optional(-kNanosecondsPerDay));
  for (const char* text :
       {"", "2024", "2024-02-30", "2024-13-01", "2024-0229", "2024-02-29T", "2024-02-29T25:00",
        "2024-02-29T12:60", "2024-02-29T12:30:05.", "2024-02-29x", "1600-01-01", "2300-01-01",
        "2024-02-29T12:30+", "24:00", "2024-02-29T12:30:05+02:00x"})
    EXPECT_FALSE(parse_timestamp(text)) << text;
}

TEST(TextValue, WritesTimesThatItReads) {
  EXPECT_EQ(format_date(-1), "1969-12-31");
  EXPECT_EQ(format_timestamp(0), "1970-01-01T00:00:00");
  EXPECT_EQ(format_timestamp(-1), "1969-12-31T23:59:59.999999999");
  EXPECT_EQ(format_timestamp(1'500'000'000), "1970-01-01T00:00:01.500");
  EXPECT_EQ(format_timestamp(1'000'001'000), "1970-01-01T00:00:01.000001");
  for (const std::int64_t edge : {INT64_MIN, INT64_MAX})
    EXPECT_THAT(parse_timestamp(format_timestamp(edge)), Optional(edge));
  EXPECT_TRUE(rc::check("any moment is read back", [](std::int64_t nanoseconds) {
    RC_ASSERT(parse_timestamp(format_timestamp(nanoseconds)) == nanoseconds);
  }));
}

TEST(TextValue, WritesNumbersThatItReads) {
  EXPECT_EQ(format_float(5.0), "5");
  EXPECT_EQ(format_float(0.1), "0.1");
  EXPECT_EQ(format_float(0.1F), "0.1");
  EXPECT_EQ(format_float(std::nan("")), "");
  EXPECT_EQ(format_int(INT64_MIN), "-9223372036854775808");
  EXPECT_TRUE(rc::check("any number is read back", [](std::uint64_t bits) {
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isnan(value)) RC_ASSERT(parse_float(format_float(value)) == value);
  }));
}

TEST(TextValue, KnowsTextsForMissing) {
  for (const char* text : {"", "  ", "NA", "n/a", "#N/A", "NaN", "null", "None", "?"})
    EXPECT_TRUE(is_missing_text(text)) << text;
  for (const char* text : {"0", "nano", "nothing", "-", "missing?"})
    EXPECT_FALSE(is_missing_text(text)) << text;
}

TEST(TextValue, FloorsDaysBefore1970) {
  EXPECT_EQ(floor_to_day(-1), -kNanosecondsPerDay);
  EXPECT_EQ(floor_to_day(kNanosecondsPerDay + 1), kNanosecondsPerDay);
  EXPECT_EQ(floor_to_day(INT64_MIN), INT64_MIN);
}

}  // namespace
}  // namespace kolosal::data
