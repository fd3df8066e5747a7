#include "kolosal/core/memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(ParseBytes, ReadsDecimalAndBinaryUnits) {
  const std::pair<const char*, std::size_t> cases[] = {
      {"0", 0},
      {"12345", 12345},
      {"4GB", 4'000'000'000},
      {"4 gb", 4'000'000'000},
      {"512MB", 512'000'000},
      {"64k", 64'000},
      {"1.5GiB", 1'610'612'736},
      {"1KiB", 1024},
      {"2T", 2'000'000'000'000},
      {"100b", 100},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(parse_bytes(text), want) << text;
}

TEST(ParseBytes, SaysWhatIsExpected) {
  for (const char* text : {"", "GB", "4XB", "-1GB", "4GB!", "nan", "inf", "1e300GB", " 4GB", "4,5GB"})
    EXPECT_ERROR(parse_bytes(text), kInvalidParameter,
                 AllOf(HasSubstr("1.5GiB"), EndsWith(std::string("not \"") + text + "\"")));
}

TEST(FormatBytes, KeepsThreeDigits) {
  const std::pair<std::size_t, const char*> cases[] = {
      {0, "0 B"},
      {999, "999 B"},
      {1000, "1.00 kB"},
      {9'994, "9.99 kB"},
      {9'996, "10.0 kB"},
      {123'456'789, "123 MB"},
      {999'600, "1.00 MB"},
      {4'000'000'000, "4.00 GB"},
      {16'500'000'000, "16.5 GB"},
  };
  for (const auto& [bytes, want] : cases) EXPECT_EQ(format_bytes(bytes), want);
}

TEST(MemoryUse, SeesWhatThisProcessTouches) {
  const MemoryUse before = memory_use();
  ASSERT_GT(before.resident_bytes, 0U);
  EXPECT_GE(before.peak_resident_bytes, before.resident_bytes / 2);
  constexpr std::size_t kBytes = 64 << 20;
  {
    std::vector<char> block(kBytes, 1);
    EXPECT_EQ(block[kBytes / 2], 1);
    EXPECT_GE(memory_use().resident_bytes, before.resident_bytes + kBytes * 9 / 10);
  }
  EXPECT_GE(memory_use().peak_resident_bytes, before.resident_bytes + kBytes * 9 / 10);
}

TEST(MemoryUse, IsZeroWhereTheSystemDoesNotTell) {
  const TempFolder folder;
  EXPECT_EQ(memory_use({folder.path(), folder.path()}).resident_bytes, 0U);
}

TEST(MemoryLimit, IsTheSmallestOfAllAndNamesItsSource) {
  const TempFolder folder;
  const SystemRoots roots{folder.path() / "proc", folder.path() / "sys"};
  EXPECT_EQ(memory_limit(roots).bytes, std::numeric_limits<std::size_t>::max());

  folder.write("proc/meminfo", "MemTotal:        8000000 kB\nMemFree:  1 kB\n");
  EXPECT_EQ(memory_limit(roots).bytes, 8'192'000'000U);
  EXPECT_EQ(memory_limit(roots).source, "memory of the machine");

  folder.write("proc/self/cgroup", "0::/job\n");
  const auto file = folder.write("sys/fs/cgroup/job/memory.max", "4000000000\n");
  EXPECT_EQ(memory_limit(roots).bytes, 4'000'000'000U);
  EXPECT_EQ(memory_limit(roots).source, file);

  folder.write("proc/self/limits",
               "Limit                     Soft Limit           Hard Limit           Units\n"
               "Max address space         3000000000           unlimited            bytes\n");
  EXPECT_EQ(memory_limit(roots).bytes, 3'000'000'000U);
  EXPECT_THAT(memory_limit(roots).source, HasSubstr("ulimit -v"));

  folder.write("proc/self/limits",
               "Max address space         unlimited            unlimited            bytes\n");
  EXPECT_EQ(memory_limit(roots).bytes, 4'000'000'000U);
}

TEST(MemoryBudget, RefusesWithBothNumbersAndAdvice) {
  const MemoryBudget budget(4'000'000'000);
  EXPECT_TRUE(budget.fits(4'000'000'000));
  EXPECT_FALSE(budget.fits(4'000'000'001));
  budget.check(4'000'000'000, "reading adult.csv");
  EXPECT_ERROR(budget.check(6'500'000'000, "reading adult.csv"), kMemory,
               ::testing::StrEq("reading adult.csv needs about 6.50 GB, more than the memory limit of 4.00 "
                                "GB; raise --memory-limit, "
                                "or use fewer rows or columns"));
  EXPECT_TRUE(MemoryBudget().fits(std::numeric_limits<std::size_t>::max()));
}

}  // namespace
}  // namespace kolosal
