#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <string>

#include "kolosal/core/random.hpp"
#include "kolosal/data/text_value.hpp"
#include "kolosal/io/cell_words_internal.hpp"

namespace kolosal::io {
namespace {

// Each text is followed by bytes that must not matter.
const char* padded(const std::string& text) {
  static std::string buffer;
  buffer = text + "7.9,-3\"x7.9,-3\"x7.9,-3\"x7.9,-3\"x";
  return buffer.data();
}

std::string noise(Rng& rng, std::string_view letters, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += letters[rng.below(letters.size())];
  return out;
}

TEST(CellWords, IntegersAreThoseOfTheFullReader) {
  Rng rng(1);
  std::size_t n_read = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = noise(rng, i % 2 ? "0123456789" : "0123456789-+. /:", 1 + rng.below(19));
    std::int64_t got = 0, want = 0;
    if (!read_plain_int(padded(text), text.size(), got)) continue;
    ++n_read;
    ASSERT_EQ(classify(text), kind::kInt) << text;
    ASSERT_TRUE(read_int(text, want)) << text;
    ASSERT_EQ(got, want) << text;
  }
  EXPECT_GT(n_read, 10'000U);
  for (const char* usual : {"0", "7", "-7", "12345678", "123456789", "-1234567890123456"}) {
    std::int64_t got = 0;
    EXPECT_TRUE(read_plain_int(padded(usual), std::string_view(usual).size(), got)) << usual;
    EXPECT_EQ(fmt::format("{}", got), usual);
  }
}

TEST(CellWords, FloatsAreThoseOfTheFullReaderToTheLastBit) {
  Rng rng(2);
  std::size_t n_read = 0, n_long = 0;
  const auto check = [&](const std::string& text, char decimal) {
    double got = 0, want = 0;
    if (!read_plain_float(padded(text), text.size(), decimal, got)) return;
    ++n_read;
    n_long += text.size() > 17;
    ASSERT_EQ(classify(text), decimal == ',' ? kind::kFloatComma : kind::kFloatPoint) << text;
    ASSERT_TRUE(read_float(text, decimal, want)) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(got), std::bit_cast<std::uint64_t>(want)) << text;
  };
  for (int i = 0; i < 50'000; ++i) {
    check(noise(rng, i % 2 ? "0123456789." : "0123456789-+.,e ", 1 + rng.below(22)), i % 3 ? '.' : ',');
    check(noise(rng, "0123456789", 1 + rng.below(7)) + '.' + noise(rng, "0123456789", 1 + rng.below(16)),
          '.');
    check(fmt::format("{}", rng.normal() * 100), '.');
    // Halfway between two doubles, where rounding twice would go wrong.
    const double low = 1 + rng.uniform() * 1000;
    check(fmt::format("{:.16f}", low).substr(0, 20), '.');
  }
  EXPECT_GT(n_read, 100'000U);
  EXPECT_GT(n_long, 10'000U);
  for (const char* usual : {"0.5", "-0.25", "3.1415926", "38.13370472996838", "-1234567.5", "0.0"}) {
    double got = 0;
    EXPECT_TRUE(read_plain_float(padded(usual), std::string_view(usual).size(), '.', got)) << usual;
  }
}

TEST(CellWords, DaysAndTimesAreThoseOfTheFullReader) {
  Rng rng(3);
  std::size_t n_read = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text = fmt::format("{:04}-{:02}-{:02}", 1670 + rng.below(600), rng.below(14), rng.below(33));
    if (i % 5 == 0) text[rng.below(10)] = "0-/:9a"[rng.below(6)];
    std::int64_t days = 0, want = 0;
    const bool read = read_plain_day(padded(text), days);
    n_read += read;
    if (read) {
      ASSERT_EQ(classify(text), kind::kYmd) << text;
      ASSERT_TRUE(read_moment(text, DateOrder::kYmd, want)) << text;
      ASSERT_EQ(days * data::kNanosecondsPerDay, want) << text;
    } else if (i % 5 != 0) {
      ASSERT_FALSE(read_moment(text, DateOrder::kYmd, want)) << text;
    }
    std::string time = fmt::format("{:02}:{:02}:{:02}", rng.below(26), rng.below(62), rng.below(62));
    if (i % 5 == 0) time[rng.below(8)] = "0:-9a"[rng.below(5)];
    std::int64_t seconds = 0;
    if (!read_plain_time(padded(time), seconds)) continue;
    ASSERT_TRUE(read_moment("1970-01-01 " + time, DateOrder::kYmd, want)) << time;
    ASSERT_EQ(seconds * data::kNanosecondsPerSecond, want) << time;
  }
  EXPECT_GT(n_read, 10'000U);
}

}  // namespace
}  // namespace kolosal::io
