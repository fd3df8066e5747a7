#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kolosal/kernel/cpu.hpp"

namespace kolosal::kernel {

/// Runs each TEST_P of a suite once by the bodies for each level of CPU that this machine can run:
///
///   class Ordering : public EveryCpu {};
///   KOLOSAL_ON_EVERY_CPU(Ordering);
class EveryCpu : public testing::TestWithParam<CpuLevel> {
 protected:
  void SetUp() override {
    set_cpu_level(GetParam());
    if (cpu_level() != GetParam()) GTEST_SKIP() << "this machine can not run it";
  }
  void TearDown() override { set_cpu_level(before_); }

 private:
  CpuLevel before_ = cpu_level();
};

inline std::string name_of_level(const testing::TestParamInfo<CpuLevel>& level) {
  return std::string(cpu_level_name(level.param));
}

#define KOLOSAL_ON_EVERY_CPU(suite)                                                      \
  INSTANTIATE_TEST_SUITE_P(Cpu, suite, testing::ValuesIn(::kolosal::kernel::kCpuLevels), \
                           ::kolosal::kernel::name_of_level)

}  // namespace kolosal::kernel
