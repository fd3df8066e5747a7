#include "kolosal/core/system_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A machine made of files.
class CgroupFiles : public ::testing::Test {
 protected:
  void write(std::string_view name, std::string_view text) { folder_.write(name, text); }
  std::string source(std::string_view name) { return folder_.file(name); }
  SystemRoots roots() const { return {folder_.path() / "proc", folder_.path() / "sys"}; }

 private:
  TempFolder folder_;
};

TEST_F(CgroupFiles, NoFilesMeanNoLimit) {
  EXPECT_FALSE(cgroup_memory_limit(roots()));
  EXPECT_FALSE(cgroup_cpu_quota(roots()));
}

TEST_F(CgroupFiles, Version2TakesTheSmallestOfAllParents) {
  write("proc/self/cgroup", "0::/system.slice/run.service\n");
  write("sys/fs/cgroup/system.slice/run.service/memory.max", "max\n");
  write("sys/fs/cgroup/system.slice/memory.max", "2147483648\n");
  write("sys/fs/cgroup/system.slice/run.service/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/system.slice/cpu.max", "max 100000\n");
  const auto memory = cgroup_memory_limit(roots());
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->value, 2147483648.0);
  EXPECT_EQ(memory->source, source("sys/fs/cgroup/system.slice/memory.max"));
  const auto quota = cgroup_cpu_quota(roots());
  ASSERT_TRUE(quota);
  EXPECT_DOUBLE_EQ(quota->value, 1.5);
}

TEST_F(CgroupFiles, AContainerSeesItsGroupAtTheMount) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "1000000\n");
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroup_memory_limit(roots())->value, 1e6);
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(roots())->value, 0.5);
}

TEST_F(CgroupFiles, Version1) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");  // the outer path is not visible inside
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_memory_limit(roots())->value, 536870912.0);
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(roots())->value, 2.5);
}

TEST_F(CgroupFiles, Version1WithoutLimits) {
  write("proc/self/cgroup", "2:cpu:/\n4:memory:/\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_FALSE(cgroup_memory_limit(roots()));
  EXPECT_FALSE(cgroup_cpu_quota(roots()));
}

TEST(SystemFiles, IndexLists) {
  EXPECT_THAT(parse_index_list("0-3,8"), ElementsAre(0, 1, 2, 3, 8));
  EXPECT_THAT(parse_index_list(" 5\n"), ElementsAre(5));
  EXPECT_THAT(parse_index_list(""), IsEmpty());
  EXPECT_THAT(parse_index_list("a-b"), IsEmpty());
}

TEST(SystemFiles, NumbersAreWholeLines) {
  const TempFolder folder;
  EXPECT_EQ(read_number(folder.write("a", "12\n")), 12);
  EXPECT_FALSE(read_number(folder.write("b", "max\n")));
  EXPECT_FALSE(read_number(folder.write("c", "12 34\n")));
  EXPECT_FALSE(read_number(folder.path() / "absent"));
}

}  // namespace
}  // namespace kolosal
