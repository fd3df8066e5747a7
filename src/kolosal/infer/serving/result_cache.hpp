#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kolosal/core/cache.hpp"
#include "kolosal/infer/serving/dynamic_batcher.hpp"

namespace kolosal::infer {

struct ResultCacheOptions {
  /// Of inputs and predictions. 0: nothing is kept, but what is asked twice at the same time is computed
  /// once.
  std::size_t max_bytes = std::size_t{64} << 20;
  double ttl_s = std::numeric_limits<double>::infinity();
  std::size_t n_shards = 16;             ///< As those of Cache.
  const Clock* clock = &coarse_clock();  ///< Outlives the cache.
};

struct ResultCacheCounters {
  std::uint64_t n_hits = 0;
  std::uint64_t n_joined = 0;  ///< The same input was being computed for another call.
  std::uint64_t n_computed = 0;
  std::uint64_t evictions = 0;  ///< Given up for room.
  std::size_t entries = 0;
  std::size_t bytes = 0;
};

/// Predictions of inputs that were asked before, in front of a DynamicBatcher. For programs whose callers
/// repeat themselves; where they do not, it costs a lookup and memory.
///
/// Key:     the model (BatchModel::id(), so a version that takes the place of another one finds none of its
///          results) and every byte of the input; a hash finds the place, the whole key decides.
/// Calls:   for the same input while it is computed wait for it. They share its result; when it did not come
/// to
///          one, each is computed for itself, under its own deadline and priority.
/// Threads: all members may be called from many threads, but predict() not from the on_end of a call.
/// Errors:  as DynamicBatcher::predict(); what a model throws is not kept.
class ResultCache {
 public:
  explicit ResultCache(ResultCacheOptions options = {});

  /// As batcher.predict().
  BatchStatus predict(DynamicBatcher& batcher, BatchLane& lane, const BatchRequest& request);
  void clear() { results_.clear(); }
  ResultCacheCounters counters() const;

 private:
  using Values = std::vector<double>;
  Cache<std::string, Values> results_;
  std::atomic<std::uint64_t> n_hits_{0}, n_joined_{0}, n_computed_{0};
};

/// Appends bytes that are the same for the same model and rows, and for no others.
void append_result_key(const BatchModel& model, const BatchRows& rows, std::string& key);

}  // namespace kolosal::infer
