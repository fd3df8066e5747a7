// Compiled once for each CPU by foreach_target.hpp, as byte_index.cpp is.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kolosal/kernel/whole_distances.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include "kolosal/kernel/whole_distances.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "kolosal/kernel/baseline_vectors.hpp"
#include "kolosal/kernel/highway_choice.hpp"

HWY_BEFORE_NAMESPACE();
namespace kolosal::kernel::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR
namespace hn = ::kolosal::kernel::baseline;
#else
namespace hn = hwy::HWY_NAMESPACE;
#endif

using Sums = hn::CappedTag<std::int32_t, 8>;
using Shorts = hn::Repartition<std::int16_t, Sums>;
using Bytes = hn::Rebind<std::int8_t, Shorts>;
constexpr std::size_t kLanes = hn::MaxLanes(Sums());               // points of a vector of sums
constexpr std::size_t kVectors = kWholePoints / kLanes;            // of pairs of numbers
constexpr std::size_t kCodeVectors = kWholePoints / (2 * kLanes);  // of codes

/// Two numbers side by side, for each point.
HWY_INLINE hn::Vec<Shorts> pair_of(const std::int16_t* numbers) {
  std::int32_t both;
  std::memcpy(&both, numbers, sizeof(both));
  return hn::BitCast(Shorts(), hn::Set(Sums(), both));
}

template <bool kComplete>
HWY_ATTR void add_numbers(const WholeQuery& query, const std::int8_t* points, std::int32_t* sums,
                          std::int32_t* counts) {
  const Sums d;
  const Shorts shorts;
  const auto one = hn::Set(shorts, std::int16_t{1}), missing = hn::Set(shorts, std::int16_t{kWholeMissing});
  // Four vectors of sums at a time: each waits for the addition before.
  constexpr std::size_t kTogether = kVectors < 4 ? kVectors : 4;
  for (std::size_t first = 0; first < kVectors; first += kTogether) {
    hn::Vec<Sums> sum[kTogether], count[kTogether];
    for (std::size_t v = 0; v < kTogether; ++v) sum[v] = count[v] = hn::Zero(d);
    for (std::size_t i = 0; i < query.n_pairs; ++i) {
      const auto numbers = pair_of(query.numbers + 2 * i);
      const std::int8_t* const at = points + 2 * (i * kWholePoints + first * kLanes);
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kTogether; ++v) {
        const auto point = hn::PromoteTo(shorts, hn::LoadU(Bytes(), at + 2 * v * kLanes));
        auto rest = hn::Sub(numbers, point);
        if constexpr (!kComplete) {
          const auto has =
              hn::AndNot(hn::VecFromMask(shorts, hn::Eq(point, missing)), pair_of(query.has + 2 * i));
          rest = hn::And(rest, has);
          count[v] = hn::ReorderWidenMulAccumulate(d, hn::And(has, one), one, count[v], count[v]);
        }
        sum[v] = hn::ReorderWidenMulAccumulate(d, rest, rest, sum[v], sum[v]);
      }
    }
    for (std::size_t v = 0; v < kTogether; ++v) {
      hn::StoreU(sum[v], d, sums + (first + v) * kLanes);
      if constexpr (!kComplete) hn::StoreU(count[v], d, counts + (first + v) * kLanes);
    }
  }
}

/// Codes that differ, and those that both have.
template <bool kComplete>
HWY_ATTR void count_codes(const WholeQuery& query, const std::int8_t* codes, std::int16_t* differ,
                          std::int16_t* counts) {
  const Shorts shorts;
  const auto missing = hn::Set(shorts, std::int16_t{kWholeMissing});
  hn::Vec<Shorts> sum[kCodeVectors], count[kCodeVectors];
  for (std::size_t v = 0; v < kCodeVectors; ++v) sum[v] = count[v] = hn::Zero(shorts);
  for (std::size_t c = 0; c < query.n_codes; ++c) {
    const auto code = hn::Set(shorts, query.codes[c]), has_code = hn::Set(shorts, query.has_code[c]);
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kCodeVectors; ++v) {
      const auto point = hn::PromoteTo(shorts, hn::LoadU(Bytes(), codes + c * kWholePoints + 2 * v * kLanes));
      // -1 where equal.
      const auto equal = hn::VecFromMask(shorts, hn::Eq(point, code));
      if constexpr (kComplete) {
        sum[v] = hn::Add(sum[v], equal);
      } else {
        const auto has = hn::AndNot(hn::VecFromMask(shorts, hn::Eq(point, missing)), has_code);
        count[v] = hn::Sub(count[v], has);
        sum[v] = hn::Sub(sum[v], hn::AndNot(equal, has));
      }
    }
  }
  for (std::size_t v = 0; v < kCodeVectors; ++v) {
    if constexpr (kComplete)
      sum[v] = hn::Add(sum[v], hn::Set(shorts, static_cast<std::int16_t>(query.n_codes)));
    hn::StoreU(sum[v], shorts, differ + 2 * v * kLanes);
    if constexpr (!kComplete) hn::StoreU(count[v], shorts, counts + 2 * v * kLanes);
  }
}

template <bool kComplete>
HWY_ATTR void distances_of(const WholeQuery& query, const std::int8_t* points, std::int32_t difference,
                           std::int32_t* sums, std::int32_t* counts) {
  add_numbers<kComplete>(query, points, sums, counts);
  if constexpr (kComplete) std::fill_n(counts, kWholePoints, static_cast<std::int32_t>(query.n_features));
  if (query.n_codes == 0) return;
  std::int16_t differ[kWholePoints], has[kWholePoints];
  count_codes<kComplete>(query, points + 2 * query.n_pairs * kWholePoints, differ, has);
  for (std::size_t p = 0; p < kWholePoints; ++p) sums[p] += difference * differ[p];
  if constexpr (!kComplete)
    for (std::size_t p = 0; p < kWholePoints; ++p) counts[p] += has[p];
}

HWY_ATTR std::int32_t whole_distances_body(const WholeQuery& query, const std::int8_t* points,
                                           bool is_complete, std::int32_t difference, std::int32_t* sums,
                                           std::int32_t* counts) {
  if (is_complete && query.is_complete)
    distances_of<true>(query, points, difference, sums, counts);
  else
    distances_of<false>(query, points, difference, sums, counts);
  const Sums d;
  auto least = hn::LoadU(d, sums);
  for (std::size_t v = 1; v < kVectors; ++v) least = hn::Min(least, hn::LoadU(d, sums + v * kLanes));
  std::int32_t lanes[kLanes];
  hn::StoreU(least, d, lanes);
  return *std::min_element(lanes, lanes + kLanes);
}

}  // namespace kolosal::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kolosal::kernel {

std::int32_t whole_distances(const WholeQuery& query, const std::int8_t* points, bool is_complete,
                             std::int32_t difference, std::int32_t* sums, std::int32_t* counts) {
  return KOLOSAL_ON_CPU(cpu_level(),
                        whole_distances_body(query, points, is_complete, difference, sums, counts));
}

}  // namespace kolosal::kernel
#endif
