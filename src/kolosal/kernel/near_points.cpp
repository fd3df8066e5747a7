// Compiled once for each CPU by foreach_target.hpp, as byte_index.cpp is.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kolosal/kernel/near_points.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include "kolosal/kernel/near_points.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstring>

#include "kolosal/kernel/cpu.hpp"

#if HWY_ARCH_X86
#include <immintrin.h>
#endif

HWY_BEFORE_NAMESPACE();
namespace kolosal::kernel::HWY_NAMESPACE {

// Some sums of 32 bits. add(): to each the products of a pair of numbers with one of its own. below(): bits
// of those less than their limit.
#if HWY_TARGET == HWY_AVX2
struct Sums {
  static constexpr std::size_t kLanes = 8;
  __m256i v;
  HWY_INLINE static Sums load(const void* p) { return {_mm256_loadu_si256(static_cast<const __m256i*>(p))}; }
  HWY_INLINE void store(void* p) const { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
  HWY_INLINE Sums minus(Sums other) const { return {_mm256_sub_epi32(v, other.v)}; }
  HWY_INLINE static Sums set(std::int32_t x) { return {_mm256_set1_epi32(x)}; }
  HWY_INLINE void add(Sums pair, Sums pairs) { v = _mm256_add_epi32(v, _mm256_madd_epi16(pair.v, pairs.v)); }
  HWY_INLINE std::uint32_t below(Sums limit) const {
    return static_cast<std::uint32_t>(
        _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(limit.v, v))));
  }
};
#elif HWY_TARGET == HWY_AVX3
struct Sums {
  static constexpr std::size_t kLanes = 16;
  __m512i v;
  HWY_INLINE static Sums load(const void* p) { return {_mm512_loadu_si512(p)}; }
  HWY_INLINE void store(void* p) const { _mm512_storeu_si512(p, v); }
  HWY_INLINE Sums minus(Sums other) const { return {_mm512_sub_epi32(v, other.v)}; }
  HWY_INLINE static Sums set(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
  HWY_INLINE void add(Sums pair, Sums pairs) { v = _mm512_add_epi32(v, _mm512_madd_epi16(pair.v, pairs.v)); }
  HWY_INLINE std::uint32_t below(Sums limit) const { return _mm512_cmpgt_epi32_mask(limit.v, v); }
};
#elif HWY_ARCH_X86
// SSE2 is part of every x86-64.
struct Sums {
  static constexpr std::size_t kLanes = 4;
  __m128i v;
  HWY_INLINE static Sums load(const void* p) { return {_mm_loadu_si128(static_cast<const __m128i*>(p))}; }
  HWY_INLINE void store(void* p) const { _mm_storeu_si128(static_cast<__m128i*>(p), v); }
  HWY_INLINE Sums minus(Sums other) const { return {_mm_sub_epi32(v, other.v)}; }
  HWY_INLINE static Sums set(std::int32_t x) { return {_mm_set1_epi32(x)}; }
  HWY_INLINE void add(Sums pair, Sums pairs) { v = _mm_add_epi32(v, _mm_madd_epi16(pair.v, pairs.v)); }
  HWY_INLINE std::uint32_t below(Sums limit) const {
    return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpgt_epi32(limit.v, v))));
  }
};
#else
struct Sums {
  static constexpr std::size_t kLanes = 8;
  std::int32_t v[kLanes];
  static Sums load(const void* p) {
    Sums out;
    std::memcpy(out.v, p, sizeof(v));
    return out;
  }
  void store(void* p) const { std::memcpy(p, v, sizeof(v)); }
  Sums minus(const Sums& other) const {
    Sums out;
    for (std::size_t i = 0; i < kLanes; ++i) out.v[i] = v[i] - other.v[i];
    return out;
  }
  static Sums set(std::int32_t x) {
    Sums out;
    for (auto& lane : out.v) lane = x;
    return out;
  }
  void add(const Sums& pair, const Sums& pairs) {
    std::int16_t a[2 * kLanes], b[2 * kLanes];
    std::memcpy(a, pair.v, sizeof(a));
    std::memcpy(b, pairs.v, sizeof(b));
    for (std::size_t i = 0; i < kLanes; ++i) v[i] += a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
  }
  std::uint32_t below(const Sums& limit) const {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < kLanes; ++i) out |= static_cast<std::uint32_t>(v[i] < limit.v[i]) << i;
    return out;
  }
};
#endif

// Two vectors of points for four queries: eight sums, so that none waits for the one before.
HWY_ATTR bool find_near_body(const std::int16_t* queries, const std::int16_t* points, std::size_t n_pairs,
                             const std::int32_t* offsets, const std::int32_t* limits,
                             const std::int32_t* query_offsets, const std::int32_t* point_limits,
                             std::uint32_t* masks, std::int32_t* found) {
  static_assert(kNearPoints % (2 * Sums::kLanes) == 0);
  std::uint32_t far[kNearQueries] = {};
  for (std::size_t first = 0; first < kNearPoints; first += 2 * Sums::kLanes) {
    Sums sums[kNearQueries][2];
    for (std::size_t q = 0; q < kNearQueries; ++q)
      for (std::size_t i = 0; i < 2; ++i) sums[q][i] = Sums::load(offsets + first + i * Sums::kLanes);
    for (std::size_t f = 0; f < n_pairs; ++f) {
      const std::int16_t* at = points + 2 * (f * kNearPoints + first);
      const Sums left = Sums::load(at), right = Sums::load(at + 2 * Sums::kLanes);
      for (std::size_t q = 0; q < kNearQueries; ++q) {
        std::int32_t pair;
        std::memcpy(&pair, queries + 2 * (f * kNearQueries + q), sizeof(pair));
        const Sums factors = Sums::set(pair);
        sums[q][0].add(factors, left);
        sums[q][1].add(factors, right);
      }
    }
    constexpr std::uint32_t kBoth = static_cast<std::uint32_t>((std::uint64_t{1} << 2 * Sums::kLanes) - 1);
    for (std::size_t q = 0; q < kNearQueries; ++q) {
      const Sums limit = Sums::set(limits[q]);
      std::uint32_t below = sums[q][0].below(limit) | sums[q][1].below(limit) << Sums::kLanes;
      if (point_limits != nullptr) {
        const Sums shift = Sums::set(query_offsets[q]);
        const Sums left = Sums::load(point_limits + first).minus(shift);
        const Sums right = Sums::load(point_limits + first + Sums::kLanes).minus(shift);
        below &= sums[q][0].below(left) | sums[q][1].below(right) << Sums::kLanes;
      }
      far[q] |= below << first;
      if (below == kBoth) continue;
      sums[q][0].store(found + q * kNearPoints + first);
      sums[q][1].store(found + q * kNearPoints + first + Sums::kLanes);
    }
  }
  std::uint32_t any = 0;
  for (std::size_t q = 0; q < kNearQueries; ++q) any |= masks[q] = ~far[q];
  return any != 0;
}

}  // namespace kolosal::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kolosal::kernel {

bool find_near(const std::int16_t* queries, const std::int16_t* points, std::size_t n_pairs,
               const std::int32_t* offsets, const std::int32_t* limits, const std::int32_t* query_offsets,
               const std::int32_t* point_limits, std::uint32_t* masks, std::int32_t* sums) {
#if HWY_ARCH_X86
  switch (cpu_level()) {
    case CpuLevel::kAvx512:
    case CpuLevel::kAvx512Vbmi:
      return N_AVX3::find_near_body(queries, points, n_pairs, offsets, limits, query_offsets, point_limits,
                                    masks, sums);
    case CpuLevel::kAvx2:
      return N_AVX2::find_near_body(queries, points, n_pairs, offsets, limits, query_offsets, point_limits,
                                    masks, sums);
    case CpuLevel::kBaseline:
      break;
  }
#endif
  return HWY_NAMESPACE::find_near_body(queries, points, n_pairs, offsets, limits, query_offsets, point_limits,
                                       masks, sums);
}

}  // namespace kolosal::kernel
#endif
