#pragma once

#include <cstdint>

namespace kolosal::kernel {

/// Which bodies of the kernels run. All give the same answers.
enum class CpuLevel : std::uint8_t {
  kBaseline,  ///< Every CPU of this architecture.
  kAvx2,
  kAvx512,  ///< With byte operations (AVX-512BW): Skylake servers and later.
};

/// The best one of this CPU, found once. The environment variable KOLOSAL_CPU=baseline (or avx2) lowers it.
CpuLevel cpu_level();
/// Another level from now on, at most the best one of this CPU. For tests, while no other thread runs
/// kernels.
void set_cpu_level(CpuLevel level);

}  // namespace kolosal::kernel
