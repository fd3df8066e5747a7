#include "kolosal/core/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "kolosal/core/error.hpp"

namespace kolosal::log {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

/// Collects the lines, and puts the defaults back at its end.
class Log : public ::testing::Test {
 protected:
  void start(Level level, Format format) {
    configure({level, format, [this](std::string_view line) { lines_.emplace_back(line); }});
  }
  void TearDown() override { configure({}); }

  std::vector<std::string> lines_;
};

TEST_F(Log, WritesTextWithNamedValues) {
  start(Level::kInfo, Format::kText);
  const std::size_t n_rows = 48842;
  info("run started",
       {{"rows", n_rows}, {"share", 0.25}, {"resumed", false}, {"delta", -3}, {"task", "binary"}});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_THAT(lines_[0], MatchesRegex("[0-9-]+ [0-9:.]+ info run started rows=48842 share=0.25 resumed=false "
                                      "delta=-3 task=binary\n"));
}

TEST_F(Log, QuotesTextThatWouldBeAmbiguous) {
  start(Level::kInfo, Format::kText);
  info("read", {{"file", "my table.csv"}, {"empty", ""}, {"pair", "a=b"}, {"lines", "one\ntwo"}});
  EXPECT_THAT(lines_.at(0), EndsWith("file=\"my table.csv\" empty=\"\" pair=\"a=b\" lines=\"one\\ntwo\"\n"));
}

TEST_F(Log, AMessageStaysOnOneLine) {
  start(Level::kInfo, Format::kText);
  info("one\ntwo");
  EXPECT_THAT(lines_.at(0), EndsWith("info one two\n"));
}

TEST_F(Log, WritesOneJsonObjectPerLine) {
  start(Level::kDebug, Format::kJson);
  warning("column \"zip\" dropped", {{"n", std::uint64_t{18446744073709551615U}}, {"text", "a\"b\\c\n"}});
  const auto json = nlohmann::json::parse(lines_.at(0));
  EXPECT_EQ(json["level"], "warning");
  EXPECT_EQ(json["message"], "column \"zip\" dropped");
  EXPECT_EQ(json["n"], 18446744073709551615U);
  EXPECT_EQ(json["text"], "a\"b\\c\n");
  EXPECT_THAT(json["time"].get<std::string>(), MatchesRegex("....-..-..T..:..:..\\....Z"));
}

TEST_F(Log, JsonStaysValidForBadBytesAndNonFiniteNumbers) {
  start(Level::kInfo, Format::kJson);
  info("odd", {{"bytes", "a\xff z"}, {"nan", std::numeric_limits<double>::quiet_NaN()}});
  const auto json = nlohmann::json::parse(lines_.at(0));
  EXPECT_EQ(json["bytes"], "a\xEF\xBF\xBD z");
  EXPECT_TRUE(json["nan"].is_null());
}

TEST_F(Log, DropsLinesBelowTheLevel) {
  start(Level::kWarning, Format::kText);
  debug("no");
  info("no");
  warning("yes");
  error("yes");
  EXPECT_EQ(lines_.size(), 2U);
  EXPECT_FALSE(is_enabled(Level::kInfo));
  EXPECT_TRUE(is_enabled(Level::kError));
  start(Level::kOff, Format::kText);
  error("no");
  EXPECT_EQ(lines_.size(), 2U);
  EXPECT_FALSE(is_enabled(Level::kOff));
}

TEST_F(Log, LinesOfManyThreadsDoNotMix) {
  start(Level::kInfo, Format::kJson);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([t] {
        for (int i = 0; i < 250; ++i) info("line", {{"thread", t}, {"i", i}});
      });
  }
  ASSERT_EQ(lines_.size(), 1000U);
  for (const auto& line : lines_) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
}

TEST(LogDefault, WritesToStderrOnly) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  warning("disk nearly full", {{"free_bytes", 12}});
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("warning disk nearly full free_bytes=12\n"));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST(LogNames, AreReadBack) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError, Level::kOff})
    EXPECT_EQ(level_from_name(level_name(level)), level);
  EXPECT_EQ(format_from_name("json"), Format::kJson);
  EXPECT_THROW(format_from_name("xml"), Error);
  try {
    level_from_name("loud");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), EndsWith("not \"loud\""));
  }
}

}  // namespace
}  // namespace kolosal::log
