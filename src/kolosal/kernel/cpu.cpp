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
    return __builtin_cpu_supports("avx512vbmi") ? CpuLevel::kAvx512Vbmi : CpuLevel::kAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c"))
    return CpuLevel::kAvx2;
#endif
  return CpuLevel::kBaseline;
}

CpuLevel chosen_level() {
  const char* const wanted = std::getenv("KOLOSAL_CPU");
  if (wanted != nullptr)
    for (const CpuLevel level : kCpuLevels)
      if (cpu_level_name(level) == wanted) return std::min(best_level(), level);
  return best_level();
}

std::atomic<CpuLevel>& level_in_use() {
  static std::atomic<CpuLevel> level{chosen_level()};
  return level;
}

}  // namespace

std::string_view cpu_level_name(CpuLevel level) {
  constexpr std::string_view kNames[] = {"baseline", "avx2", "avx512", "avx512vbmi"};
  return kNames[static_cast<std::size_t>(level)];
}

CpuLevel cpu_level() { return level_in_use().load(std::memory_order_relaxed); }

void set_cpu_level(CpuLevel level) { level_in_use().store(std::min(level, best_level())); }

}  // namespace kolosal::kernel
