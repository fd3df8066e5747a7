#pragma once

#include <cstdint>
#include <string_view>

namespace kolosal::kernel {

/// Which bodies of the kernels run. All give the same answers.
enum class CpuLevel : std::uint8_t {
  kBaseline,  ///< Every CPU of this architecture.
  kAvx2,
  kAvx512,      ///< With byte operations (AVX-512BW): Skylake servers and later.
  kAvx512Vbmi,  ///< With look-ups of bytes (AVX-512 VBMI): Ice Lake, Zen 4 and later.
};

inline constexpr CpuLevel kCpuLevels[] = {CpuLevel::kBaseline, CpuLevel::kAvx2, CpuLevel::kAvx512,
                                          CpuLevel::kAvx512Vbmi};
/// "baseline", "avx2", "avx512", "avx512vbmi".
std::string_view cpu_level_name(CpuLevel level);

/// The best one of this CPU, found once. The environment variable KOLOSAL_CPU, a name of a level, lowers it.
CpuLevel cpu_level();
/// Another level from now on, at most the best one of this CPU. For tests, while no other thread runs
/// kernels.
void set_cpu_level(CpuLevel level);

}  // namespace kolosal::kernel
