#pragma once

#include <cstddef>

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

/// The same for an overload of a name; `id` is a name for this one.
#define KOLOSAL_KERNEL_OVERLOAD(id, result, name, parameters, arguments) \
  struct id##_kernel {                                                   \
    KOLOSAL_KERNEL_INLINE static result body parameters;                 \
    KOLOSAL_KERNEL_BODIES(, result, parameters, arguments, , , )         \
  };                                                                     \
  result name parameters { return id##_kernel::choose arguments; }       \
  result id##_kernel::body parameters

/// The same for a body that is written in vectors: kVectorBytes in it are the bytes of a register of the CPU
/// that it is compiled for (16, 32 or 64), and DoubleLanes<kVectorBytes> is a vector of that size. g++ 12
/// keeps longer vectors in memory: ten to thirty times slower. The lanes do not show in the result if each of
/// them is a running sum of its own.
#define KOLOSAL_VECTOR_KERNEL(result, name, parameters, arguments) \
  KOLOSAL_VECTOR_KERNEL_AS(, result, name, parameters, arguments)

/// The same for a body whose every `x += a * b` of vectors is one fused operation: half the operations, which
/// tells where two threads share a core. The body must call std::fma itself where kVectorBytes is 16: not
/// every CPU of that size can fuse.
#define KOLOSAL_FUSED_VECTOR_KERNEL(result, name, parameters, arguments) \
  KOLOSAL_VECTOR_KERNEL_AS(KOLOSAL_KERNEL_FUSED, result, name, parameters, arguments)

#define KOLOSAL_VECTOR_KERNEL_AS(fused, result, name, parameters, arguments)      \
  struct name##_kernel {                                                          \
    template <std::size_t kVectorBytes>                                           \
    KOLOSAL_KERNEL_INLINE static result body parameters;                          \
    KOLOSAL_KERNEL_BODIES(fused, result, parameters, arguments, <16>, <32>, <64>) \
  };                                                                              \
  result name parameters { return name##_kernel::choose arguments; }              \
  template <std::size_t kVectorBytes>                                             \
  result name##_kernel::body parameters

namespace kolosal::kernel {

template <std::size_t kBytes>
struct DoubleLanesOf;
template <>
struct DoubleLanesOf<16> {
  typedef double Type __attribute__((vector_size(16)));
};
template <>
struct DoubleLanesOf<32> {
  typedef double Type __attribute__((vector_size(32)));
};
template <>
struct DoubleLanesOf<64> {
  typedef double Type __attribute__((vector_size(64)));
};
template <std::size_t kBytes>
using DoubleLanes = typename DoubleLanesOf<kBytes>::Type;

}  // namespace kolosal::kernel

#define KOLOSAL_KERNEL_INLINE inline __attribute__((always_inline))

#if defined(__clang__)
#define KOLOSAL_KERNEL_FUSED  // by a pragma in the body
#else
// g++ fuses in a pass of the expensive optimizations, which -O1 leaves out: a build for sanitizers would
// round otherwise.
#define KOLOSAL_KERNEL_FUSED __attribute__((optimize("fp-contract=fast", "expensive-optimizations")))
#endif

#if defined(__x86_64__) && defined(__GNUC__)
#define KOLOSAL_KERNEL_BODIES(fused, result, parameters, arguments, plain, on_avx2, on_avx512)               \
  fused __attribute__((target("avx2,fma"))) static result avx2 parameters { return body on_avx2 arguments; } \
  fused __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))) static result avx512 parameters {  \
    return body on_avx512 arguments;                                                                         \
  }                                                                                                          \
  static result choose parameters {                                                                          \
    switch (::kolosal::kernel::cpu_level()) {                                                                \
      case ::kolosal::kernel::CpuLevel::kAvx512:                                                             \
      case ::kolosal::kernel::CpuLevel::kAvx512Vbmi:                                                         \
        return avx512 arguments;                                                                             \
      case ::kolosal::kernel::CpuLevel::kAvx2:                                                               \
        return avx2 arguments;                                                                               \
      case ::kolosal::kernel::CpuLevel::kBaseline:                                                           \
        break;                                                                                               \
    }                                                                                                        \
    return body plain arguments;                                                                             \
  }
#else
#define KOLOSAL_KERNEL_BODIES(fused, result, parameters, arguments, plain, on_avx2, on_avx512) \
  static result choose parameters { return body plain arguments; }
#endif
