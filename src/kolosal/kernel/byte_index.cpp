// Compiled once for each CPU by foreach_target.hpp; the portable body is the one of the baseline.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kolosal/kernel/byte_index.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include "kolosal/kernel/byte_index.hpp"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <bit>
#include <cstring>

#include "kolosal/kernel/highway_choice.hpp"

#if HWY_ARCH_X86
#include <emmintrin.h>
#endif

HWY_BEFORE_NAMESPACE();
namespace kolosal::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// 64 bytes of text. equals(c): bit i tells whether byte i is c.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
class Block {
 public:
  HWY_INLINE explicit Block(const char* p) {
    for (std::size_t i = 0; i < kVectors; ++i)
      bytes_[i] = hn::LoadU(Tag(), reinterpret_cast<const std::uint8_t*>(p) + i * kLanes);
  }
  HWY_INLINE std::uint64_t equals(char c) const {
    const auto wanted = hn::Set(Tag(), static_cast<std::uint8_t>(c));
    return collect([&](std::size_t i) HWY_ATTR { return hn::Eq(bytes_[i], wanted); });
  }
  /// Whether a byte is 0 or not ASCII.
  HWY_INLINE std::uint64_t odd() const {
    const auto top = hn::Set(Tag(), std::uint8_t{0x7f});
    const auto one = hn::Set(Tag(), std::uint8_t{1});
    // 0 - 1 = 255: one comparison finds both.
    return collect([&](std::size_t i) HWY_ATTR {
      return hn::Ne(hn::Min(hn::Sub(bytes_[i], one), hn::Sub(top, one)), hn::Sub(bytes_[i], one));
    });
  }

 private:
  using Tag = hn::ScalableTag<std::uint8_t>;
  static constexpr std::size_t kLanes = HWY_TARGET == HWY_AVX2 ? 32 : 64;
  static constexpr std::size_t kVectors = 64 / kLanes;
  using Word = std::conditional_t<kLanes == 32, std::uint32_t, std::uint64_t>;

  template <typename Compare>
  HWY_INLINE static std::uint64_t collect(Compare&& compare) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < kVectors; ++i) {
      Word word = 0;
      hn::StoreMaskBits(Tag(), compare(i), reinterpret_cast<std::uint8_t*>(&word));
      out |= static_cast<std::uint64_t>(word) << (i * kLanes % 64);
    }
    return out;
  }

  hn::Vec<Tag> bytes_[kVectors];
};
#elif HWY_ARCH_X86
// SSE2 is part of every x86-64.
class Block {
 public:
  explicit Block(const char* p) {
    for (int i = 0; i < 4; ++i) bytes_[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + i);
  }
  std::uint64_t equals(char c) const {
    const __m128i wanted = _mm_set1_epi8(c);
    std::uint64_t out = 0;
    for (int i = 0; i < 4; ++i) out |= bits(_mm_cmpeq_epi8(bytes_[i], wanted)) << (16 * i);
    return out;
  }
  std::uint64_t odd() const {
    std::uint64_t out = 0;
    for (int i = 0; i < 4; ++i)
      out |= bits(_mm_or_si128(bytes_[i], _mm_cmpeq_epi8(bytes_[i], _mm_setzero_si128()))) << (16 * i);
    return out;
  }

 private:
  static std::uint64_t bits(__m128i bytes) { return static_cast<std::uint32_t>(_mm_movemask_epi8(bytes)); }
  __m128i bytes_[4];
};
#else
class Block {
 public:
  explicit Block(const char* p) : p_(p) {}
  std::uint64_t equals(char c) const {
    std::uint64_t out = 0;
    for (int i = 0; i < 64; ++i) out |= static_cast<std::uint64_t>(p_[i] == c) << i;
    return out;
  }
  std::uint64_t odd() const {
    std::uint64_t out = 0;
    for (int i = 0; i < 64; ++i)
      out |= static_cast<std::uint64_t>(p_[i] == 0 || static_cast<unsigned char>(p_[i]) > 127) << i;
    return out;
  }

 private:
  const char* p_;
};
#endif

// Bit i of the result: the parity of bits 0 .. i.
HWY_INLINE std::uint64_t parities(std::uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

HWY_ATTR void match_masks_body(const char* p, std::size_t n_words, char a, char b, std::uint64_t* masks) {
  for (std::size_t i = 0; i < n_words; ++i) {
    const Block block(p + 64 * i);
    masks[i] = block.equals(a) | block.equals(b);
  }
}

HWY_ATTR std::size_t count_byte_body(const char* begin, const char* end, char c) {
  std::size_t n = 0;
  for (; end - begin >= 64; begin += 64) n += static_cast<std::size_t>(std::popcount(Block(begin).equals(c)));
  for (; begin < end; ++begin) n += *begin == c;
  return n;
}

HWY_ATTR const char* skip_ascii_body(const char* begin, const char* end) {
  while (end - begin >= 64 && Block(begin).odd() == 0) begin += 64;
  return begin;
}

HWY_ATTR LineCounts count_lines_body(const char* begin, const char* end, char newline) {
  LineCounts out;
  std::uint64_t inside = 0;  // all ones after an odd number of quotes
  const auto add = [&](std::uint64_t quotes, std::uint64_t newlines) HWY_ATTR {
    out.n_newlines += static_cast<std::size_t>(std::popcount(newlines));
    if ((quotes | inside) != 0) {
      const std::uint64_t quoted = parities(quotes) ^ inside;
      out.n_quotes += static_cast<std::size_t>(std::popcount(quotes));
      inside = static_cast<std::uint64_t>(static_cast<std::int64_t>(quoted) >> 63);
      newlines &= ~quoted;
    }
    out.n_newlines_unquoted += static_cast<std::size_t>(std::popcount(newlines));
  };
  for (; end - begin >= 64; begin += 64) {
    const Block block(begin);
    add(block.equals('"'), block.equals(newline));
  }
  char rest[64] = {};
  std::memcpy(rest, begin, static_cast<std::size_t>(end - begin));
  const std::uint64_t kept = (std::uint64_t{1} << (end - begin)) - 1;
  const Block block(rest);
  add(block.equals('"') & kept, block.equals(newline) & kept);
  return out;
}

// Writes the places of the bits, eight at a time; what is written beyond their number is overwritten later.
HWY_INLINE std::uint32_t* append_places(std::uint64_t bits, std::uint32_t first, std::uint32_t* out) {
  std::uint32_t* const end = out + std::popcount(bits);
  while (bits != 0) {
    for (int i = 0; i < 8; ++i) {
      out[i] = first + static_cast<std::uint32_t>(std::countr_zero(bits));
      bits &= bits - 1;
    }
    out += 8;
  }
  return end;
}

HWY_ATTR CellIndex index_cells_body(const char* p, std::size_t n_bytes, char delimiter, char newline,
                                    std::uint32_t* ends) {
  CellIndex out;
  std::uint32_t* place = ends;
  std::uint64_t inside = 0, odd_quotes = 0, odd_bytes = 0;
  std::uint64_t may_open = 1, closed = 0, returned = 0;  // what the last byte before allows or asks for
  for (std::size_t i = 0; i < n_bytes; i += 64) {
    const Block block(p + i);
    const std::uint64_t kept =
        n_bytes - i >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (n_bytes - i)) - 1;
    const std::uint64_t quotes = block.equals('"') & kept;
    const std::uint64_t newlines = block.equals(newline) & kept;
    const std::uint64_t returns = newline == '\r' ? 0 : block.equals('\r') & kept;
    std::uint64_t found = (block.equals(delimiter) & kept) | newlines;
    odd_bytes |= block.odd() & kept;
    odd_quotes |= (returns << 1 | returned) & ~newlines & kept;
    std::uint64_t closes = 0;
    if ((quotes | inside) != 0) {
      const std::uint64_t quoted = parities(quotes) ^ inside;
      inside = static_cast<std::uint64_t>(static_cast<std::int64_t>(quoted) >> 63);
      found &= ~quoted;
      closes = quotes & ~quoted;
      odd_quotes |= quotes & quoted & ~((found | closes) << 1 | may_open);
    }
    odd_quotes |= (closes << 1 | closed) & ~(found | quotes | returns) & kept;
    may_open = (found | closes) >> 63;
    closed = closes >> 63;
    returned = returns >> 63;
    out.n_newlines += static_cast<std::size_t>(std::popcount(found & newlines));
    place = append_places(found, static_cast<std::uint32_t>(i), place);
  }
  out.n_ends = static_cast<std::size_t>(place - ends);
  out.odd = odd_quotes != 0;
  out.ascii = odd_bytes == 0;
  return out;
}

}  // namespace kolosal::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kolosal::kernel {

void match_masks(const char* p, std::size_t n_words, char a, char b, std::uint64_t* masks) {
  KOLOSAL_ON_CPU(cpu_level(), match_masks_body(p, n_words, a, b, masks));
}

std::size_t count_byte(const char* begin, const char* end, char c) {
  return KOLOSAL_ON_CPU(cpu_level(), count_byte_body(begin, end, c));
}

const char* skip_ascii(const char* begin, const char* end) {
  return KOLOSAL_ON_CPU(cpu_level(), skip_ascii_body(begin, end));
}

LineCounts count_lines_on([[maybe_unused]] CpuLevel level, const char* begin, const char* end, char newline) {
  return KOLOSAL_ON_CPU(level, count_lines_body(begin, end, newline));
}

LineCounts count_lines(const char* begin, const char* end, char newline) {
  return count_lines_on(cpu_level(), begin, end, newline);
}

CellIndex index_cells_on([[maybe_unused]] CpuLevel level, const char* p, std::size_t n_bytes, char delimiter,
                         char newline, std::uint32_t* ends) {
  return KOLOSAL_ON_CPU(level, index_cells_body(p, n_bytes, delimiter, newline, ends));
}

CellIndex index_cells(const char* p, std::size_t n_bytes, char delimiter, char newline, std::uint32_t* ends) {
  return index_cells_on(cpu_level(), p, n_bytes, delimiter, newline, ends);
}

}  // namespace kolosal::kernel
#endif
