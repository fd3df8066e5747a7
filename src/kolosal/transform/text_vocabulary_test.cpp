#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unordered_map>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/ngrams_internal.hpp"
#include "kolosal/transform/term_table_internal.hpp"

namespace kolosal::transform {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> ngrams(const NgramOptions& options, std::string_view text) {
  std::vector<std::string> out;
  NgramReader reader(options);
  reader.for_each("something else before", [](std::string_view) {});  // buffers are used again
  reader.for_each(text, [&](std::string_view term) { out.emplace_back(term); });
  return out;
}

TEST(NgramReader, CutsWords) {
  NgramOptions options;
  EXPECT_THAT(ngrams(options, "Hello, World_9! a b2"), ElementsAre("hello", "world_9", "b2"));
  EXPECT_THAT(ngrams(options, "\xc3\x84rger\xe2\x80\x94\xc3\x96l \xd0\x9c\xd0\x98\xd0\xa0"),
              ElementsAre("\xc3\xa4rger", "\xc3\xb6l", "\xd0\xbc\xd0\xb8\xd1\x80"));
  EXPECT_THAT(ngrams(options, ""), IsEmpty());
  EXPECT_THAT(ngrams(options, "\xff\xfe x \xc3"), IsEmpty());  // no UTF-8, and a word too short
  options.shortest = 1;
  options.longest = 3;
  options.stop_words = {"the"};
  EXPECT_THAT(ngrams(options, "over THE lazy dog"),
              ElementsAre("over", "over lazy", "over lazy dog", "lazy", "lazy dog", "dog"));
  options.lower_case = false;
  EXPECT_THAT(ngrams(options, "THE"), ElementsAre("THE"));
}

TEST(NgramReader, CutsCharacters) {
  const NgramOptions in_word{NgramKind::kInWord, 3, 4};
  EXPECT_THAT(ngrams(in_word, " ab  c "), ElementsAre(" ab", "ab ", " ab ", " c "));
  const NgramOptions longer{NgramKind::kInWord, 6, 7};
  EXPECT_THAT(ngrams(longer, "ab abcde"), ElementsAre(" ab ", " abcde", "abcde ", " abcde "));
  const NgramOptions plain{NgramKind::kChar, 2, 2};
  EXPECT_THAT(ngrams(plain, "a\t\tb\xc3\x84"), ElementsAre("a ", " b", "b\xc3\xa4"));
  EXPECT_THAT(ngrams(plain, "x"), IsEmpty());
}

TEST(NgramReader, KnowsWhatBelongsToWords) {
  // By Python's re, "\w": letters and digits of any script, but no sign, blank or emoji.
  for (const std::uint32_t c : {0x5FU, 0x41U, 0xAAU, 0xB2U, 0xBDU, 0xE9U, 0x3A9U, 0x416U, 0x5D0U, 0x627U,
                                0x905U, 0x6771U, 0x3042U, 0xAC00U, 0xFF21U, 0x2460U, 0x1D400U, 0x20000U})
    EXPECT_TRUE(is_word_character(c)) << std::hex << c;
  for (const std::uint32_t c : {0x20U, 0x2DU, 0xA0U, 0xA9U, 0xD7U, 0x2014U, 0x2026U, 0x20ACU, 0x2603U,
                                0x3002U, 0xFF01U, 0x1F600U, 0x964U, 0xFEFFU, 0x10FFFFU})
    EXPECT_FALSE(is_word_character(c)) << std::hex << c;
}

TEST(TermTable, IsAMapFromTextsToNumbers) {
  Rng rng(5);
  TermTable table;
  std::unordered_map<std::string, std::uint32_t> want;
  for (int i = 0; i < 20000; ++i) {
    std::string term;
    for (std::uint64_t n = rng.below(20); n > 0; --n) term += static_cast<char>('a' + rng.below(3));
    const auto [at, is_new] = want.emplace(term, static_cast<std::uint32_t>(want.size()));
    EXPECT_EQ(table.find(term), is_new ? TermTable::kNone : at->second);
    EXPECT_EQ(table.add(term), at->second);
    EXPECT_EQ(table.term(at->second), term);
  }
  EXPECT_EQ(table.size(), want.size());
  EXPECT_GT(table.size(), 5000U);
  table.reserve(100000);
  for (const auto& [term, number] : want) EXPECT_EQ(table.find(term), number);
  EXPECT_EQ(table.find("not there"), TermTable::kNone);
  EXPECT_EQ(TermTable().find("a"), TermTable::kNone);
}

}  // namespace
}  // namespace kolosal::transform
