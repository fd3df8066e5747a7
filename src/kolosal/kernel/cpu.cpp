#include "kolosal/kernel/cpu.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string_view>

namespace kolosal::kernel {
namespace {

CpuLevel best_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("bmi2"))
    return CpuLevel::kAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma"))
    return CpuLevel::kAvx2;
#endif
  return CpuLevel::kBaseline;
}

CpuLevel chosen_level() {
  const char* const wanted = std::getenv("KOLOSAL_CPU");
  const std::string_view name = wanted ? wanted : "";
  if (name == "baseline") return CpuLevel::kBaseline;
  return name == "avx2" ? std::min(best_level(), CpuLevel::kAvx2) : best_level();
}

std::atomic<CpuLevel>& level_in_use() {
  static std::atomic<CpuLevel> level{chosen_level()};
  return level;
}

}  // namespace

CpuLevel cpu_level() { return level_in_use().load(std::memory_order_relaxed); }

void set_cpu_level(CpuLevel level) { level_in_use().store(std::min(level, best_level())); }

}  // namespace kolosal::kernel
