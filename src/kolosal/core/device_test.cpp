#include "kolosal/core/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal {
namespace {

/// 4 cores of 2 threads each, 6 of the 8 CPUs allowed, a quota of 2.5 CPUs and two NUMA nodes.
class FakeMachine : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.write("proc/cpuinfo",
                  "processor\t: 0\nmodel\t\t: 143\nmodel name\t: Example CPU 9000 @ 2.00GHz\n");
    folder_.write("proc/meminfo",
                  "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:    10000000 kB\n");
    folder_.write("proc/self/status", "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-5,40\n");
    folder_.write("proc/self/cgroup", "0::/\n");
    folder_.write("sys/fs/cgroup/cpu.max", "250000 100000\n");
    folder_.write("sys/devices/system/cpu/online", "0-7\n");
    for (int i = 0; i < 8; ++i) {
      const std::string cpu = "sys/devices/system/cpu/cpu" + std::to_string(i) + "/topology/";
      folder_.write(cpu + "core_id", std::to_string(i % 4) + "\n");
      folder_.write(cpu + "physical_package_id", "0\n");
    }
    cache(0, "1", "Data", "48K");
    cache(1, "1", "Instruction", "32K");
    cache(2, "2", "Unified", "2048K");
    cache(3, "3", "Unified", "107520K");
    folder_.write("sys/devices/system/node/online", "0-1\n");
    for (const char* id : {"0", "1"}) {
      const std::string node = std::string("sys/devices/system/node/node") + id;
      folder_.write(node + "/cpulist", "0-3\n");
      folder_.write(node + "/meminfo", std::string("Node ") + id + " MemTotal:       8000000 kB\n");
    }
  }

  void cache(int i, std::string_view level, std::string_view type, std::string_view size) {
    const std::string at = "sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/";
    folder_.write(at + "level", level);
    folder_.write(at + "type", type);
    folder_.write(at + "size", size);
    folder_.write(at + "coherency_line_size", "64");
  }

  Hardware detect() const { return Hardware::detect({folder_.path() / "proc", folder_.path() / "sys"}); }

  TempFolder folder_;
};

TEST_F(FakeMachine, IsSeenAsItIs) {
  const Hardware machine = detect();
  EXPECT_EQ(machine.cpu_model, "Example CPU 9000 @ 2.00GHz");
  EXPECT_EQ(machine.n_logical_cores, 8U);
  EXPECT_EQ(machine.n_physical_cores, 4U);
  EXPECT_EQ(machine.n_allowed_cores, 6U);  // CPU 40 of the mask does not exist
  EXPECT_EQ(machine.l1_data_bytes, 48U * 1024);
  EXPECT_EQ(machine.l2_bytes, 2048U * 1024);
  EXPECT_EQ(machine.l3_bytes, 107520U * 1024);
  ASSERT_EQ(machine.numa_nodes.size(), 2U);
  EXPECT_EQ(machine.numa_nodes[1].n_cpus, 4U);
  EXPECT_EQ(machine.numa_nodes[1].memory_bytes, 8'192'000'000U);
  EXPECT_EQ(machine.memory_total_bytes, 16'384'000'000U);
  EXPECT_EQ(machine.memory_available_bytes, 10'240'000'000U);
}

TEST_F(FakeMachine, ThreadsAreTheQuotaRoundedUpOrTheMask) {
  EXPECT_DOUBLE_EQ(detect().cpu_quota.value(), 2.5);
  EXPECT_EQ(detect().usable_threads(), 3U);
  folder_.write("sys/fs/cgroup/cpu.max", "10000 100000\n");
  EXPECT_EQ(detect().usable_threads(), 1U);
  folder_.write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(detect().usable_threads(), 6U);
}

TEST_F(FakeMachine, MemoryDefaultsToFourFifthsOfWhatMayBeTaken) {
  EXPECT_EQ(detect().default_memory_limit_bytes(), 8'192'000'000U);
  folder_.write("sys/fs/cgroup/memory.max", "1000000000\n");
  EXPECT_EQ(detect().default_memory_limit_bytes(), 800'000'000U);
}

TEST_F(FakeMachine, BatchesFitIntoTheSecondLevelCache) {
  const Hardware machine = detect();
  EXPECT_EQ(machine.batch_rows(8 * 16), 8192U);
  EXPECT_EQ(machine.batch_rows(1), 65536U);
  EXPECT_EQ(machine.batch_rows(100'000'000), 64U);
  EXPECT_EQ(machine.batch_rows(0), 65536U);
}

TEST_F(FakeMachine, JsonHasEveryPart) {
  const nlohmann::json json = detect().to_json();
  EXPECT_EQ(json["cpu"]["usable_threads"], 3);
  EXPECT_EQ(json["cpu"]["quota"], 2.5);
  EXPECT_EQ(json["caches"]["l2_bytes"], 2048 * 1024);
  EXPECT_EQ(json["numa_nodes"].size(), 2U);
  EXPECT_EQ(json["memory"]["limit_source"], "memory of the machine");
}

TEST(Hardware, NothingToReadGivesOneThread) {
  const TempFolder folder;
  const Hardware machine = Hardware::detect({folder.path(), folder.path()});
  EXPECT_EQ(machine.usable_threads(), 1U);
  EXPECT_EQ(machine.n_logical_cores, 1U);
  EXPECT_FALSE(machine.cpu_quota);
  EXPECT_GE(machine.batch_rows(8), 64U);
  EXPECT_EQ(machine.to_json()["cpu"]["quota"], nullptr);
}

TEST(Hardware, ThisMachineAgreesWithTheStandardLibrary) {
  const Hardware machine = Hardware::detect();
  EXPECT_EQ(machine.n_allowed_cores, std::thread::hardware_concurrency());
  EXPECT_GE(machine.n_logical_cores, machine.n_physical_cores);
  EXPECT_LE(machine.usable_threads(), machine.n_allowed_cores);
  EXPECT_GT(machine.memory_total_bytes, 0U);
  EXPECT_LE(machine.limit.bytes, machine.memory_total_bytes);
#if defined(__AVX2__)
  EXPECT_TRUE(machine.has_feature("avx2"));
#endif
  EXPECT_FALSE(machine.has_feature("warp_drive"));
}

}  // namespace
}  // namespace kolosal
