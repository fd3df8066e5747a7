#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Vectors of 16 bytes with the names that Highway gives to its own, for the baseline of x86, where it has
/// none (HWY_SCALAR): whole numbers of 16 and 32 bits, as far as the kernels need them.
namespace kolosal::kernel::baseline {

typedef std::int32_t Int32s __attribute__((vector_size(16)));
typedef std::int16_t Int16s __attribute__((vector_size(16)));
typedef std::int8_t Int8s __attribute__((vector_size(8)));

struct Tag32 {
  using V = Int32s;
};
struct Tag16 {
  using V = Int16s;
};
struct Tag8 {
  using V = Int8s;
};

template <typename T, std::size_t kMost>
using CappedTag = Tag32;
template <typename T, typename D>
using Repartition = Tag16;
template <typename T, typename D>
using Rebind = Tag8;
template <typename D>
using Vec = typename D::V;

constexpr std::size_t MaxLanes(Tag32) { return 4; }
constexpr std::size_t MaxLanes(Tag16) { return 8; }
constexpr std::size_t Lanes(Tag32) { return 4; }

template <typename D, typename T>
inline Vec<D> LoadU(D, const T* from) {
  Vec<D> out;
  std::memcpy(&out, from, sizeof(out));
  return out;
}
template <typename D, typename V, typename T>
inline void StoreU(V v, D, T* to) {
  std::memcpy(to, &v, sizeof(v));
}
inline Int32s Set(Tag32, std::int32_t x) { return Int32s{} + x; }
inline Int16s Set(Tag16, std::int16_t x) { return Int16s{} + x; }
template <typename D>
inline Vec<D> Zero(D) {
  return Vec<D>{};
}
template <typename D, typename V>
inline Vec<D> BitCast(D, V v) {
  return reinterpret_cast<Vec<D>>(v);
}
template <int kBits>
inline Int16s ShiftLeft(Int16s v) {
  return v << kBits;
}
template <int kBits>
inline Int16s ShiftRight(Int16s v) {
  return v >> kBits;
}
template <typename V>
inline V Add(V a, V b) {
  return a + b;
}
template <typename V>
inline V Sub(V a, V b) {
  return a - b;
}
template <typename V>
inline V And(V a, V b) {
  return a & b;
}
template <typename V>
inline V AndNot(V no, V v) {
  return ~no & v;
}
template <typename V>
inline V Min(V a, V b) {
  return a < b ? a : b;
}
inline Int16s Eq(Int16s a, Int16s b) { return a == b; }
inline Int16s VecFromMask(Tag16, Int16s mask) { return mask; }
inline Int16s PromoteTo(Tag16, Int8s v) { return __builtin_convertvector(v, Int16s); }

/// sum + products of pairs of neighbours.
inline Int32s ReorderWidenMulAccumulate(Tag32, Int16s a, Int16s b, Int32s sum, Int32s&) {
#if defined(__SSE2__)
  return sum +
         reinterpret_cast<Int32s>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  for (int i = 0; i < 4; ++i) sum[i] += a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
  return sum;
#endif
}

}  // namespace kolosal::kernel::baseline
