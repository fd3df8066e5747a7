#pragma once

#include "kolosal/kernel/cpu.hpp"

/// KOLOSAL_ON_CPU(level, body(x)) calls one of the bodies that hwy/foreach_target.h compiled, after
/// <hwy/highway.h>. Highway's own choice needs its library; choosing among three bodies does not.
#if HWY_ARCH_X86
#define KOLOSAL_ON_CPU(level, call)                               \
  ((level) >= ::kolosal::kernel::CpuLevel::kAvx512 ? N_AVX3::call \
   : (level) == ::kolosal::kernel::CpuLevel::kAvx2 ? N_AVX2::call \
                                                   : HWY_NAMESPACE::call)
#else
#define KOLOSAL_ON_CPU(level, call) HWY_NAMESPACE::call
#endif
