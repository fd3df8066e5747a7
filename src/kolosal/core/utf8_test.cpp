#include "kolosal/core/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kolosal {
namespace {

TEST(Utf8, AcceptsWellFormedText) {
  for (const std::string text :
       {"", "plain", "sixteen bytes ok", "naïve", "日本語の列", "\U0001F600\U0010FFFF", "\xED\x9F\xBF"})
    EXPECT_TRUE(is_valid_utf8(text)) << text;
}

TEST(Utf8, FindsTheFirstBadByte) {
  const std::pair<std::string, std::size_t> cases[] = {
      {"caf\xE9", 3},           // latin-1
      {"12345678\x80", 8},      // a continuation byte alone
      {"a\xC0\x80", 1},         // overlong
      {"\xE0\x80\x80", 0},      // overlong
      {"ab\xED\xA0\x80", 2},    // a surrogate
      {"\xF4\x90\x80\x80", 0},  // above U+10FFFF
      {"good \xE2\x82", 5},     // cut
      {"\xFF", 0},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(first_invalid_utf8(text), want) << text;
}

}  // namespace
}  // namespace kolosal
