#pragma once

/// Compiles the function that follows for several CPUs; the best one is taken when the program runs. Only for
/// functions defined in a .cpp. Results are the same on every CPU: the order of a sum is written in the
/// source, and products are not fused with additions (see cmake/KolosalCompiler.cmake).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(KOLOSAL_NO_MULTIVERSION)
#define KOLOSAL_MULTIVERSION __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define KOLOSAL_MULTIVERSION
#endif
