#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "kolosal/data/text_value.hpp"
#include "kolosal/io/cell_internal.hpp"

namespace kolosal::io {
namespace {

TEST(Cell, KindsOfTexts) {
  const struct {
    const char* text;
    std::uint32_t want;
  } cases[] = {
      {"0", kind::kInt},
      {"-12", kind::kInt},
      {"+7", kind::kInt},
      {"9223372036854775807", kind::kInt},
      {"9223372036854775808", kind::kBigInt},
      {"-9223372036854775808", kind::kInt},
      {"007", kind::kLeadingZero},
      {"00", kind::kLeadingZero},
      {"1.5", kind::kFloatPoint},
      {".5", kind::kFloatPoint},
      {"5.", kind::kFloatPoint},
      {"-.5e-3", kind::kFloatPoint},
      {"1e400", kind::kFloat},
      {"1E+5", kind::kFloat},
      {"inf", kind::kFloat},
      {"-Infinity", kind::kFloat},
      {"-nan", kind::kFloat},
      {"1,5", kind::kFloatComma},
      {"1,234,567", kind::kText},
      {".", kind::kText},
      {"-", kind::kText},
      {"+", kind::kText},
      {"1e", kind::kText},
      {"1e+", kind::kText},
      {"0x1F", kind::kText},
      {"12abc", kind::kText},
      {"--5", kind::kText},
      {"1.2.3", kind::kText},
      {"TRUE", kind::kTrue},
      {"f", kind::kF},
      {"No", kind::kNo},
      {"none", kind::kText},
      {"2024-01-31", kind::kYmd},
      {"2024/1/5", kind::kYmd},
      {"2024-02-30", kind::kText},
      {"9999-12-31", kind::kText},
      {"31.01.2024", kind::kDayFirst},
      {"01/31/2024", kind::kMonthFirst},
      {"01/02/2024", kind::kEitherSlash},
      {"01.02.2024", kind::kEitherOther},
      {"2024-01-31T12:30", kind::kYmd | kind::kHasTime},
      {"2024-01-31 12:30:05.123456789Z", kind::kYmd | kind::kHasTime},
      {"2024-01-31T12:30:05+02:00", kind::kYmd | kind::kHasTime},
      {"1/2/2024 3:45 PM", kind::kEitherSlash | kind::kHasTime},
      {"2024-01-31 25:00", kind::kText},
      {"2024-01-31 12", kind::kText},
      {"2024-01-31x", kind::kText},
      {"10.0.0.1", kind::kText},
      {"1-2-3", kind::kText},
      {"2024-01/31", kind::kText},
  };
  for (const auto& c : cases) EXPECT_EQ(classify(c.text), c.want) << c.text;
}

TEST(Cell, NumbersAsStrtodReadsThem) {
  for (const char* text : {"0",
                           "-0.0",
                           "1",
                           "123456789012345678",
                           "0.1",
                           "3.14159265358979",
                           "1e22",
                           "1e23",
                           "1e-22",
                           "1e-23",
                           "9007199254740993",
                           "9007199254740991",
                           "1.7976931348623157e308",
                           "5e-324",
                           "2.2250738585072014e-308",
                           "1e400",
                           "-1e400",
                           "1e-400",
                           "123456789012345678901234567890",
                           "0.000000000000000000000000001",
                           "1e99999999999",
                           "1e-99999999999",
                           "0e400",
                           "inf",
                           "-inf",
                           "4.35",
                           "0.3e1",
                           "179769313486231580793e289"}) {
    double value = 99;
    ASSERT_TRUE(read_float(text, '.', value)) << text;
    const double want = std::strtod(text, nullptr);
    EXPECT_EQ(value, want) << text;
    EXPECT_EQ(std::signbit(value), std::signbit(want)) << text;
  }
  double value = 0;
  for (const char* text : {"", "-", "abc", "1.5x", "1e", "1,5", "1.5.5", "0x10", "1e5e5", "--1", "+-1", "."})
    EXPECT_FALSE(read_float(text, '.', value)) << text;
  EXPECT_TRUE(read_float("-1,25", ',', value));
  EXPECT_EQ(value, -1.25);
  EXPECT_TRUE(read_float("123456789012345678901,5", ',', value));
  EXPECT_EQ(value, 123456789012345678901.5);
  EXPECT_FALSE(read_float("1.25", ',', value));
  EXPECT_TRUE(read_float("nan", '.', value));
  EXPECT_TRUE(std::isnan(value));
}

TEST(Cell, EveryDoubleAndIntegerComesBack) {
  rc::check("shortest texts of doubles", [](std::uint64_t bits) {
    double want = 0;
    std::memcpy(&want, &bits, sizeof want);
    RC_PRE(std::isfinite(want));
    double value = 0;
    RC_ASSERT(read_float(data::format_float(want), '.', value));
    RC_ASSERT(value == want);
  });
  rc::check("short decimals as strtod", [](std::int64_t mantissa, unsigned char shift) {
    const std::string text = fmt::format("{}e{}", mantissa, static_cast<int>(shift % 60) - 30);
    double value = 0;
    RC_ASSERT(read_float(text, '.', value));
    RC_ASSERT(value == std::strtod(text.c_str(), nullptr));
  });
  rc::check("integers", [](std::int64_t want) {
    std::int64_t value = 0;
    RC_ASSERT(read_int(std::to_string(want), value));
    RC_ASSERT(value == want);
  });
}

TEST(Cell, MomentsInNanoseconds) {
  const struct {
    const char* text;
    DateOrder order;
    const char* want;  // as ISO 8601 in UTC; "" where it is none
  } cases[] = {
      {"2024-02-29", DateOrder::kYmd, "2024-02-29T00:00:00"},
      {"2023-02-29", DateOrder::kYmd, ""},
      {"1969-12-31 23:59:59.5", DateOrder::kYmd, "1969-12-31T23:59:59.500"},
      {"2024-01-31T12:30+02:00", DateOrder::kYmd, "2024-01-31T10:30:00"},
      {"2024-01-31T00:30:00 +0100", DateOrder::kYmd, "2024-01-30T23:30:00"},
      {"2024-01-31T12:30:05-08", DateOrder::kYmd, "2024-01-31T20:30:05"},
      {"01/02/2024", DateOrder::kMonthFirst, "2024-01-02T00:00:00"},
      {"01/02/2024", DateOrder::kDayFirst, "2024-02-01T00:00:00"},
      {"31/01/2024", DateOrder::kMonthFirst, ""},
      {"1/2/2024 12:00:01 AM", DateOrder::kMonthFirst, "2024-01-02T00:00:01"},
      {"1/2/2024 12:15PM", DateOrder::kMonthFirst, "2024-01-02T12:15:00"},
      {"1/2/2024 13:15 PM", DateOrder::kMonthFirst, ""},
      {"2024-12-31 24:00", DateOrder::kYmd, "2025-01-01T00:00:00"},
      {"1500-01-01", DateOrder::kYmd, ""},
      {"20240101", DateOrder::kYmd, ""},
  };
  for (const auto& c : cases) {
    std::int64_t value = 0;
    const bool good = read_moment(c.text, c.order, value);
    EXPECT_EQ(good ? data::format_timestamp(value) : "", c.want) << c.text;
  }
}

TEST(Cell, MissingTokensAreComparedWhole) {
  const MissingTokens missing({"", "NA", " ? "});
  for (const char* text : {"", "NA", "?"}) EXPECT_TRUE(missing.contains(text)) << text;
  for (const char* text : {"N", "NAN", "na", "??"}) EXPECT_FALSE(missing.contains(text)) << text;
  EXPECT_FALSE(MissingTokens({"x"}).contains(""));
}

}  // namespace
}  // namespace kolosal::io
