#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kolosal {

/// How often which whole numbers came, for quantiles of latencies and sizes. Numbers below 16 are kept
/// exactly, larger ones to 1/16 of their size, those from 2^48 on as 2^48 - 1.
///
/// Threads: all members may be called from many threads; none takes a lock. Numbers that are added while
///          quantiles are read may or may not count.
/// Memory:  46 kB, whatever the count.
class Histogram {
 public:
  Histogram() = default;
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  /// One atomic addition, to a part that other threads seldom write to.
  void add(std::uint64_t value) noexcept;
  /// The same in nanoseconds. Negative times count as 0.
  void add_seconds(double seconds) noexcept;

  std::uint64_t count() const;
  /// The least number that at least the share q (0 to 1) of all numbers does not exceed, as the middle of
  /// what counts as one; 0 when none came.
  double quantile(double q) const;
  double quantile_seconds(double q) const { return 1e-9 * quantile(q); }

 private:
  static constexpr std::size_t kExact = 16;
  static constexpr std::size_t kPowers = 44;  // 2^4 to 2^47
  static constexpr std::size_t kBuckets = kExact + 16 * kPowers;
  static constexpr std::size_t kParts = 8;
  static std::size_t bucket_of(std::uint64_t value) noexcept;
  static double middle_of(std::size_t bucket) noexcept;

  struct alignas(64) Part {
    std::array<std::atomic<std::uint64_t>, kBuckets> counts{};
  };
  std::array<Part, kParts> parts_;
};

}  // namespace kolosal
