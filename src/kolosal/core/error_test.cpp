#include "kolosal/core/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Row {
  ErrorCode code;
  const char* name;
  int exit_code;
};

// What scripts around the program rely on.
constexpr Row kPromised[] = {
    {ErrorCode::kUsage, "usage", 2},
    {ErrorCode::kInvalidParameter, "invalid_parameter", 2},
    {ErrorCode::kNotFound, "not_found", 3},
    {ErrorCode::kIo, "io", 3},
    {ErrorCode::kData, "data", 3},
    {ErrorCode::kModel, "model", 4},
    {ErrorCode::kNotFitted, "not_fitted", 4},
    {ErrorCode::kUnsupported, "unsupported", 4},
    {ErrorCode::kMemory, "memory", 5},
    {ErrorCode::kBudget, "budget", 5},
    {ErrorCode::kInterrupted, "interrupted", 6},
    {ErrorCode::kInternal, "internal", 70},
};

TEST(Error, CodesHaveTheirPromisedNamesAndExitCodes) {
  std::set<std::string_view> names;
  for (const Row& row : kPromised) {
    EXPECT_EQ(error_name(row.code), row.name);
    EXPECT_EQ(exit_code(row.code), row.exit_code) << row.name;
    EXPECT_TRUE(names.insert(error_name(row.code)).second) << row.name;
  }
}

TEST(Error, FormatsItsMessage) {
  const Error error(ErrorCode::kData, "{} has {} columns", "a.csv", 3);
  EXPECT_STREQ(error.what(), "a.csv has 3 columns");
  EXPECT_EQ(error.code(), ErrorCode::kData);
}

TEST(Error, AReadyMessageIsNotFormattedAgain) {
  const std::string text = "the cell is {not a format}";
  EXPECT_EQ(Error(ErrorCode::kData, text).what(), text);
}

TEST(Error, AnAssertionNamesThePlaceWithoutTheFolder) {
  const auto fail = [] { KOLOSAL_ASSERT(1 + 1 == 3, "why it holds"); };
  EXPECT_ERROR(
      fail(), kInternal,
      AllOf(HasSubstr("error_test.cpp:"), HasSubstr("1 + 1 == 3 (why it holds)"), Not(HasSubstr("src/"))));
  KOLOSAL_ASSERT(true, "nothing happens");
}

}  // namespace
}  // namespace kolosal
