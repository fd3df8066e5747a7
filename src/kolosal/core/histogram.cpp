#include "kolosal/core/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "kolosal/core/thread_slot.hpp"

namespace kolosal {

std::size_t Histogram::bucket_of(std::uint64_t value) noexcept {
  if (value < kExact) return value;
  value = std::min(value, (std::uint64_t{1} << 48) - 1);
  const auto power = static_cast<std::size_t>(std::bit_width(value)) - 1;  // 4 to 47
  return kExact + 16 * (power - 4) + ((value >> (power - 4)) - 16);
}

double Histogram::middle_of(std::size_t bucket) noexcept {
  if (bucket < kExact) return static_cast<double>(bucket);
  const std::size_t power = (bucket - kExact) / 16, step = (bucket - kExact) % 16;
  const double width = std::ldexp(1.0, static_cast<int>(power));
  return static_cast<double>(16 + step) * width + (width - 1) / 2;
}

void Histogram::add(std::uint64_t value) noexcept {
  parts_[thread_slot() % kParts].counts[bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
}

void Histogram::add_seconds(double seconds) noexcept {
  add(static_cast<std::uint64_t>(std::clamp(1e9 * seconds, 0.0, 1e18)));
}

std::uint64_t Histogram::count() const {
  std::uint64_t out = 0;
  for (const Part& part : parts_)
    for (const auto& count : part.counts) out += count.load(std::memory_order_relaxed);
  return out;
}

double Histogram::quantile(double q) const {
  std::array<std::uint64_t, kBuckets> counts{};
  std::uint64_t total = 0;
  for (const Part& part : parts_)
    for (std::size_t b = 0; b < kBuckets; ++b) {
      const std::uint64_t n = part.counts[b].load(std::memory_order_relaxed);
      counts[b] += n;
      total += n;
    }
  if (total == 0) return 0;
  const double wanted = std::max(1.0, std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(total)));
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  for (; bucket + 1 < kBuckets; ++bucket) {
    seen += counts[bucket];
    if (static_cast<double>(seen) >= wanted) break;
  }
  return middle_of(bucket);
}

}  // namespace kolosal
