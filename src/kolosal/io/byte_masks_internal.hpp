#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace kolosal::io {

/// Bit i of the result: whether byte i of the 64 bytes at p is a or b. SSE2 is part of every x86-64, and here
/// the memory, not the width of the vectors, is the limit.
inline std::uint64_t find_bytes(const char* p, char a, char b) {
#if defined(__SSE2__)
  const __m128i first = _mm_set1_epi8(a), second = _mm_set1_epi8(b);
  std::uint64_t mask = 0;
  for (int i = 0; i < 4; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
    const __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(bytes, first), _mm_cmpeq_epi8(bytes, second));
    mask |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(hit))) << (16 * i);
  }
  return mask;
#else
  std::uint64_t mask = 0;
  for (int i = 0; i < 64; ++i) mask |= static_cast<std::uint64_t>(p[i] == a || p[i] == b) << i;
  return mask;
#endif
}

/// How often c stands in [begin, end).
inline std::size_t count_byte(const char* begin, const char* end, char c) {
  std::size_t n = 0;
  for (; end - begin >= 64; begin += 64)
    n += static_cast<std::size_t>(__builtin_popcountll(find_bytes(begin, c, c)));
  for (; begin < end; ++begin) n += *begin == c;
  return n;
}

/// Goes on to a byte that is 0 or not ASCII, or to the last 63 bytes.
inline const char* skip_ascii_blocks(const char* begin, const char* end) {
#if defined(__SSE2__)
  const __m128i zero = _mm_setzero_si128();
  for (; end - begin >= 64; begin += 64) {
    __m128i odd = zero;
    for (int i = 0; i < 4; ++i) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin + 16 * i));
      odd = _mm_or_si128(odd, _mm_or_si128(bytes, _mm_cmpeq_epi8(bytes, zero)));
    }
    if (_mm_movemask_epi8(odd) != 0) break;
  }
#endif
  return begin;
}

/// Finds the next byte that is a or b, going forward through [begin, end).
class ByteFinder {
 public:
  ByteFinder(const char* begin, const char* end, char a, char b) : end_(end), block_(begin), a_(a), b_(b) {
    load();
  }

  /// The next hit, or end.
  const char* next() {
    while (mask_ == 0) {
      if (end_ - block_ <= 64) return end_;
      block_ += 64;
      load();
    }
    const char* const hit = block_ + __builtin_ctzll(mask_);
    mask_ &= mask_ - 1;
    return hit;
  }

  /// Leaves out everything before `position`, which lies at or after the last hit.
  void skip_to(const char* position) {
    if (position - block_ >= 64) {
      block_ = position;
      load();
    } else {
      mask_ &= ~std::uint64_t{0} << (position - block_);
    }
  }

 private:
  void load() {
    const std::ptrdiff_t left = end_ - block_;
    if (left >= 64) {
      mask_ = find_bytes(block_, a_, b_);
      return;
    }
    char last[64] = {};
    if (left > 0) std::memcpy(last, block_, static_cast<std::size_t>(left));
    mask_ = find_bytes(last, a_, b_);
    if (left < 64) mask_ &= (std::uint64_t{1} << (left > 0 ? left : 0)) - 1;
  }

  const char* end_;
  const char* block_;
  std::uint64_t mask_ = 0;
  char a_;
  char b_;
};

}  // namespace kolosal::io
