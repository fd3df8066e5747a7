#include <gtest/gtest.h>

#include <string>

#include "kolosal/data/level_codes_internal.hpp"

namespace kolosal::data {
namespace {

TEST(LevelCodes, FindWhatTheDictionaryFinds) {
  std::vector<std::string> levels = {"",       "a", "aa", "b", std::string("a\0", 2), std::string("\0a", 2),
                                     "Čeština"};
  for (int i = 0; i < 3000; ++i) {
    const std::string number = std::to_string(i);
    levels.push_back(number);
    levels.push_back("seven!!" + number);
    levels.push_back("a name that begins like all others " + number + " and ends like them");
  }
  const Dictionary dictionary(levels);
  const LevelCodes codes(dictionary);
  for (const std::string& level : levels) {
    EXPECT_EQ(codes.find(level), dictionary.find(level)) << level;
    EXPECT_EQ(codes.find(level + "x"), kUnseenCode) << level;
  }
  EXPECT_EQ(codes.find(std::string("\0", 1)), kUnseenCode);
}

TEST(LevelCodes, NoLevelsHaveNoCodes) {
  const Dictionary nothing;
  EXPECT_EQ(LevelCodes(nothing).find(""), kUnseenCode);
}

}  // namespace
}  // namespace kolosal::data
