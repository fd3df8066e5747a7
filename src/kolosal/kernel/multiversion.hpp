#pragma once

#include "kolosal/kernel/cpu.hpp"

/// KOLOSAL_KERNEL defines a function that is compiled for several CPUs; cpu_level() chooses at each call:
///
///   KOLOSAL_KERNEL(double, sum, (const double* x, std::size_t n), (x, n)) {
///     ...
///   }
///
/// Only in a .cpp. What the body calls must be inlined (KOLOSAL_KERNEL_INLINE). Results are the same on every
/// CPU: the order of a sum is written in the source, and products are not fused with additions (see
/// cmake/KolosalCompiler.cmake).
#define KOLOSAL_KERNEL(result, name, parameters, arguments) \
  KOLOSAL_KERNEL_OVERLOAD(name, result, name, parameters, arguments)

/// The same for one of several functions of a name; `id` is a name for this one.
#define KOLOSAL_KERNEL_OVERLOAD(id, result, name, parameters, arguments) \
  struct id##_kernel {                                                   \
    KOLOSAL_KERNEL_INLINE static result body parameters;                 \
    KOLOSAL_KERNEL_BODIES(result, parameters, arguments)                 \
  };                                                                     \
  result name parameters { return id##_kernel::choose arguments; }       \
  result id##_kernel::body parameters

#define KOLOSAL_KERNEL_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__)
#define KOLOSAL_KERNEL_BODIES(result, parameters, arguments)                                      \
  __attribute__((target("avx2"))) static result avx2 parameters { return body arguments; }        \
  __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw"))) static result avx512 parameters { \
    return body arguments;                                                                        \
  }                                                                                               \
  static result choose parameters {                                                               \
    switch (::kolosal::kernel::cpu_level()) {                                                     \
      case ::kolosal::kernel::CpuLevel::kAvx512:                                                  \
        return avx512 arguments;                                                                  \
      case ::kolosal::kernel::CpuLevel::kAvx2:                                                    \
        return avx2 arguments;                                                                    \
      case ::kolosal::kernel::CpuLevel::kBaseline:                                                \
        break;                                                                                    \
    }                                                                                             \
    return body arguments;                                                                        \
  }
#else
#define KOLOSAL_KERNEL_BODIES(result, parameters, arguments) \
  static result choose parameters { return body arguments; }
#endif
