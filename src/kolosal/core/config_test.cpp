#include "kolosal/core/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StrEq;

std::vector<OptionSpec> options() {
  return {
      {"seed", OptionType::kInteger, "Seed.", std::int64_t{0}, {}, 0, {}},
      {"time_budget", OptionType::kDuration, "Time.", 60.0, {}, 0, {}},
      {"memory_limit", OptionType::kBytes, "Memory.", {}, {}, {}, {}},
      {"share", OptionType::kNumber, "Share.", 0.25, {}, 0, 1},
      {"resume", OptionType::kBool, "Go on.", false, {}, {}, {}},
      {"target", OptionType::kText, "Column.", {}, {}, {}, {}},
      {"preset",
       OptionType::kText,
       "How hard.",
       std::string("balanced"),
       {"fast", "balanced", "best"},
       {},
       {}},
      {"ignore", OptionType::kList, "Columns.", {}, {}, {}, {}},
  };
}

class ConfigTest : public ::testing::Test {
 protected:
  Config from_toml(std::string_view text) {
    ConfigSources sources;
    sources.file = folder_.write("run.toml", text);
    sources.section = "train";
    sources.other_sections = {"predict"};
    return Config::merge(options(), sources);
  }
  /// "<folder>/run.toml:<place>: <rest>"
  std::string at(std::string_view place_and_rest) const {
    return folder_.file("run.toml") + ":" + std::string(place_and_rest);
  }

  TempFolder folder_;
};

TEST_F(ConfigTest, DefaultsHoldWithoutSources) {
  const Config config = Config::merge(options(), {});
  EXPECT_EQ(config.integer("seed"), 0);
  EXPECT_EQ(config.number("time_budget"), 60);
  EXPECT_EQ(config.text("preset"), "balanced");
  EXPECT_FALSE(config.flag("resume"));
  EXPECT_FALSE(config.is_set("target"));
  EXPECT_EQ(config.optional_text("target"), std::nullopt);
  EXPECT_EQ(config.optional_bytes("memory_limit"), std::nullopt);
  EXPECT_THAT(config.list("ignore"), IsEmpty());
  EXPECT_EQ(config.entry("seed").source, "default");
}

TEST_F(ConfigTest, FlagsBeatTheEnvironmentBeatsTheFileBeatsDefaults) {
  ConfigSources sources;
  const std::string file = folder_.write("run.toml", "seed = 1\nshare = 0.1\npreset = 'fast'\n");
  sources.file = file;
  sources.environment = [](const char* name) -> const char* {
    if (std::string_view(name) == "KOLOSAL_SEED") return "2";
    if (std::string_view(name) == "KOLOSAL_SHARE") return "0.2";
    if (std::string_view(name) == "KOLOSAL_TARGET") return "";  // empty is as good as none
    return nullptr;
  };
  sources.flags = {{"seed", {"3"}}, {"resume", {}}};
  const Config config = Config::merge(options(), sources);
  EXPECT_EQ(config.integer("seed"), 3);
  EXPECT_EQ(config.entry("seed").source, "flag --seed");
  EXPECT_EQ(config.number("share"), 0.2);
  EXPECT_EQ(config.entry("share").source, "environment KOLOSAL_SHARE");
  EXPECT_EQ(config.text("preset"), "fast");
  EXPECT_EQ(config.entry("preset").source, file + ":3");
  EXPECT_EQ(config.entry("time_budget").source, "default");
  EXPECT_TRUE(config.flag("resume"));
  EXPECT_FALSE(config.is_set("target"));
}

TEST_F(ConfigTest, TomlGivesEveryType) {
  const Config config = from_toml(
      "seed = 7\ntime-budget = '5m'\nmemory_limit = \"1.5GiB\"\nresume = true\ntarget = 'income, total'\n"
      "share = 1\nignore = ['id', 'a,b', 3]\n");
  EXPECT_EQ(config.integer("seed"), 7);
  EXPECT_EQ(config.number("time_budget"), 300);
  EXPECT_EQ(config.bytes("memory_limit"), 1'610'612'736U);
  EXPECT_TRUE(config.flag("resume"));
  EXPECT_EQ(config.text("target"), "income, total");
  EXPECT_EQ(config.number("share"), 1.0);
  EXPECT_THAT(config.list("ignore"), ElementsAre("id", "a,b", "3"));
  EXPECT_EQ(from_toml("time_budget = 90\nmemory_limit = 1000").number("time_budget"), 90);
}

TEST_F(ConfigTest, ListsAreArraysTextsOrTables) {
  EXPECT_THAT(from_toml("ignore = 'a, b ,c'").list("ignore"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(from_toml("ignore = {age = 'float', zip = 'category'}").list("ignore"),
              ElementsAre("age=float", "zip=category"));
  EXPECT_THAT(from_toml("[ignore]\nage = 'float'\n").list("ignore"), ElementsAre("age=float"));
  ConfigSources sources;
  sources.flags = {{"ignore", {"a,b", "c"}}};
  EXPECT_THAT(Config::merge(options(), sources).list("ignore"), ElementsAre("a", "b", "c"));
}

TEST_F(ConfigTest, TheTableOfTheCommandWinsAndOthersArePassedOver) {
  const Config config = from_toml("[train]\nseed = 2\n[predict]\nanything = 1\n");
  EXPECT_EQ(config.integer("seed"), 2);
  EXPECT_EQ(config.entry("seed").source, at("2"));
  EXPECT_EQ(from_toml("seed = 1\n[train]\nseed = 2\n").integer("seed"), 2);
}

TEST_F(ConfigTest, FileErrorsNameLineKeyValueAndWhatIsExpected) {
  EXPECT_ERROR(from_toml("share = 0.5\nsed = 1\n"), kInvalidParameter,
               at("2: unknown key \"sed\"; did you mean \"seed\"?"));
  EXPECT_ERROR(from_toml("qqqqqqqq = 1\n"), kInvalidParameter, at("1: unknown key \"qqqqqqqq\""));
  EXPECT_ERROR(from_toml("[trian]\nseed = 1\n"), kInvalidParameter,
               at("1: unknown table \"trian\"; did you mean \"train\"?"));
  EXPECT_ERROR(from_toml("\nseed = 'x'\n"), kInvalidParameter, at("2: seed must be an integer, not \"x\""));
  EXPECT_ERROR(from_toml("seed = 1.5\n"), kInvalidParameter, at("1: seed must be an integer, not 1.5"));
  EXPECT_ERROR(from_toml("resume = 1\n"), kInvalidParameter, at("1: resume must be true or false, not 1"));
  EXPECT_ERROR(from_toml("target = [1, 2]\n"), kInvalidParameter,
               HasSubstr("target must be a text, not [ 1, 2 ]"));
  EXPECT_ERROR(from_toml("ignore = [['a']]\n"), kInvalidParameter,
               HasSubstr("ignore must be a list of texts, not"));
  EXPECT_ERROR(from_toml("time_budget = 'soon'\n"), kInvalidParameter,
               at("1: time_budget must be a duration such as 60, 90s, 5m or 1h, not \"soon\""));
  EXPECT_ERROR(from_toml("time_budget = -1\n"), kInvalidParameter,
               HasSubstr("time_budget must be a duration"));
  EXPECT_ERROR(from_toml("memory_limit = '4 bananas'\n"), kInvalidParameter,
               HasSubstr("512MB, 4GB or 1.5GiB, not"));
  EXPECT_ERROR(from_toml("seed = -1\n"), kInvalidParameter, at("1: seed must be at least 0, not -1"));
  EXPECT_ERROR(from_toml("share = 1.5\n"), kInvalidParameter, at("1: share must be at most 1, not 1.5"));
  EXPECT_ERROR(from_toml("preset = 'fsat'\n"), kInvalidParameter,
               at("1: preset must be one of fast, balanced, best, not \"fsat\"; did you mean \"fast\"?"));
  EXPECT_ERROR(from_toml("seed = 1\nshare = \n"), kInvalidParameter, HasSubstr("run.toml:2:"));
  EXPECT_ERROR(from_toml("seed = 1\nseed = 2\n"), kInvalidParameter, HasSubstr("not valid TOML"));
  EXPECT_ERROR(from_toml("seed = 1\n[=\n"), kInvalidParameter, HasSubstr("not valid TOML"));
}

TEST_F(ConfigTest, AMissingFileIsNotFound) {
  ConfigSources sources;
  sources.file = folder_.path() / "absent.toml";
  EXPECT_ERROR(Config::merge(options(), sources), kNotFound, HasSubstr("absent.toml"));
  sources.file = folder_.path();
  EXPECT_ERROR(Config::merge(options(), sources), kIo, HasSubstr(folder_.path().string()));
}

TEST_F(ConfigTest, EnvironmentAndFlagErrorsNameTheirSource) {
  ConfigSources sources;
  sources.environment = [](const char* name) {
    return std::string_view(name) == "KOLOSAL_RESUME" ? "maybe" : nullptr;
  };
  EXPECT_ERROR(Config::merge(options(), sources), kInvalidParameter,
               StrEq("environment KOLOSAL_RESUME: resume must be true or false, not \"maybe\""));
  sources = {};
  sources.flags = {{"time_budget", {"-5"}}};
  EXPECT_ERROR(Config::merge(options(), sources), kInvalidParameter,
               HasSubstr("flag --time-budget: time_budget must be"));
  sources.flags = {{"seed", {}}};
  EXPECT_ERROR(Config::merge(options(), sources), kInvalidParameter,
               HasSubstr("must be an integer, not \"\""));
  sources.flags = {{"share", {"nan"}}};
  EXPECT_ERROR(Config::merge(options(), sources), kInvalidParameter, HasSubstr("share must be a number"));
}

TEST_F(ConfigTest, WhatIsPrintedCanBeReadBack) {
  ConfigSources sources;
  sources.flags = {
      {"target", {"a \"quoted\"\nname"}}, {"ignore", {"x,y"}}, {"share", {"0.1"}}, {"time_budget", {"1h"}}};
  const Config config = Config::merge(options(), sources);
  const std::string printed = config.to_toml();
  EXPECT_THAT(printed, AllOf(HasSubstr("share = 0.1"), HasSubstr("# flag --share\n"),
                             HasSubstr("# memory_limit ="), HasSubstr("# not set\n")));
  const Config again = from_toml(printed);
  for (const ConfigEntry& entry : config.entries())
    EXPECT_EQ(again.entry(entry.spec.name).value, entry.value) << printed;
}

TEST_F(ConfigTest, JsonHasValueAndSource) {
  ConfigSources sources;
  sources.flags = {{"seed", {"5"}}};
  const nlohmann::json json = Config::merge(options(), sources).to_json();
  EXPECT_EQ(json["seed"], (nlohmann::json{{"value", 5}, {"source", "flag --seed"}}));
  EXPECT_TRUE(json["target"]["value"].is_null());
  EXPECT_EQ(json.size(), options().size());
}

TEST(ParseDuration, ReadsSecondsAndUnits) {
  const std::pair<const char*, double> cases[] = {
      {"60", 60},   {"0", 0},        {"0.1", 0.1},     {"60s", 60},    {"5m", 300},   {"1h", 3600},
      {"1.5m", 90}, {"1h30m", 5400}, {"1h0m5s", 3605}, {"500ms", 0.5}, {"2min", 120},
  };
  for (const auto& [text, want] : cases) EXPECT_DOUBLE_EQ(parse_duration(text), want) << text;
  for (const char* text :
       {"", "s", "-5", "5x", "1m1h", "1m2m", "5 m", "inf", "nan", "1e400", "1h30", "5s5", "-0"})
    EXPECT_ERROR(parse_duration(text), kInvalidParameter, HasSubstr(std::string("not \"") + text + "\""));
}

TEST(OptionNames, FollowFromTheName) {
  EXPECT_EQ(environment_name("time_budget"), "KOLOSAL_TIME_BUDGET");
  EXPECT_EQ(flag_name("time_budget"), "--time-budget");
}

}  // namespace
}  // namespace kolosal
