#pragma once

#include <cstdint>
#include <string>

#include "kolosal/core/cache.hpp"
#include "kolosal/transform/recipe.hpp"

namespace kolosal::transform {

/// Fits recipes that start alike on the same rows once: what each step made, and all steps up to it as they
/// were fitted, are kept by what they depend on: the table and the rows (as a fingerprint), the target, the
/// seed, and every step with its parameters and columns.
///
/// Memory:  columns that a step passes on are shared with the table it got and count once.
/// Threads: all members may be called from many threads; who wants the same prefix waits for the first.
class PrefixCache {
 public:
  /// Time to live in seconds, as in CacheOptions.
  explicit PrefixCache(std::size_t max_bytes, double ttl_s = std::numeric_limits<double>::infinity(),
                       const Clock& clock = coarse_clock())
      : cache_({.max_bytes = max_bytes, .ttl_s = ttl_s, .keeps_newest = true, .clock = &clock}) {}

  /// Of everything but steps and seed that a fit depends on: cells of the table, rows, target. Reads all of
  /// it: ask once for a table.
  static std::uint64_t fingerprint_of(const data::Frame& x, std::span<const std::uint32_t> rows,
                                      const data::TargetView& y);

  /// The same as recipe.fit_transform(x, rows, y, context), from the longest prefix that is kept.
  /// fingerprint: of x, rows and y.
  data::Frame fit_transform(Recipe& recipe, const data::Frame& x, std::span<const std::uint32_t> rows,
                            const data::TargetView& y, std::uint64_t fingerprint, const Context& context);

  /// Hits and misses of single steps, and what is kept.
  CacheCounters counters() const { return cache_.counters(); }
  void clear() { cache_.clear(); }

 private:
  struct Prefix {
    Recipe recipe;  // of the steps so far, fitted
    data::Frame frame;
  };
  Cache<std::string, Prefix> cache_;
};

}  // namespace kolosal::transform
