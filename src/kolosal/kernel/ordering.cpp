#include "kolosal/kernel/ordering.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {
namespace {

constexpr std::size_t kDigitBits = 11;
constexpr std::size_t kDigits = 6;
constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// Words in the order of the numbers they stand for: negative ones have all bits turned, others the sign bit.
std::uint64_t word_of(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  return bits & kSign ? ~bits : bits | kSign;
}

double number_of(std::uint64_t word) { return std::bit_cast<double>(word & kSign ? word & ~kSign : ~word); }

std::size_t digit(std::uint64_t word, std::size_t d) { return (word >> (d * kDigitBits)) & (kBuckets - 1); }

}  // namespace

void sort(double* x, double* scratch, std::size_t n) {
  if (n < 2000) {  // clearing and adding up 6 x 2048 counts would cost more
    // -0 and 0 are equal for std::sort, whose result would depend on the input order.
    std::sort(x, x + n, [](double a, double b) { return word_of(a) < word_of(b); });
    return;
  }
  static thread_local std::uint32_t counts[kDigits][kBuckets];
  std::memset(counts, 0, sizeof counts);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t word = word_of(x[i]);
    x[i] = std::bit_cast<double>(word);
    for (std::size_t d = 0; d < kDigits; ++d) ++counts[d][digit(word, d)];
  }
  double* from = x;
  double* to = scratch;
  for (std::size_t d = 0; d < kDigits; ++d) {
    auto& count = counts[d];
    if (count[digit(std::bit_cast<std::uint64_t>(from[0]), d)] == n) continue;  // all the same
    std::uint32_t start = 0;
    for (std::uint32_t& c : count) {  // counts become first places
      const std::uint32_t size = std::exchange(c, start);
      start += size;
    }
    for (std::size_t i = 0; i < n; ++i)
      to[count[digit(std::bit_cast<std::uint64_t>(from[i]), d)]++] = from[i];
    std::swap(from, to);
  }
  for (std::size_t i = 0; i < n; ++i) x[i] = number_of(std::bit_cast<std::uint64_t>(from[i]));
}

KOLOSAL_KERNEL(void, count_not_above,
               (const double* knots, std::size_t size, const double* x, std::uint32_t* out, std::size_t n),
               (knots, size, x, out, n)) {
  // 16 searches side by side: each step of one waits for the step before, not for the other searches.
  constexpr std::size_t kLanes = 16;
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    std::int64_t at[kLanes] = {};
    for (std::size_t step = size / 2; step > 0; step /= 2) {
      const auto width = static_cast<std::int64_t>(step);
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        at[lane] += knots[at[lane] + width - 1] <= x[i + lane] ? width : 0;
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) out[i + lane] = static_cast<std::uint32_t>(at[lane]);
  }
  for (; i < n; ++i) {
    std::size_t at = 0;
    for (std::size_t step = size / 2; step > 0; step /= 2) at += knots[at + step - 1] <= x[i] ? step : 0;
    out[i] = static_cast<std::uint32_t>(at);
  }
}

}  // namespace kolosal::kernel
