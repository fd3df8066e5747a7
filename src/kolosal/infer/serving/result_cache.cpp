#include "kolosal/infer/serving/result_cache.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

namespace kolosal::infer {
namespace {

/// Of an entry beside its key and values.
constexpr std::size_t kEntryBytes = 160;

template <typename T>
void append(std::string& key, T value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void append_cell(data::ColumnType type, const data::RowCell& cell, std::string& key) {
  switch (type) {
    case data::ColumnType::kText:
      append(key, cell.is_missing ? std::numeric_limits<std::uint32_t>::max() : cell.n);
      if (!cell.is_missing) key += cell.text();
      return;
    case data::ColumnType::kDate:
    case data::ColumnType::kTimestamp:
      append(key, cell.is_missing);
      append(key, cell.is_missing ? std::int64_t{0} : cell.time);
      return;
    case data::ColumnType::kSparse:
      append(key, cell.n);
      for (const data::SparseEntry& entry : cell.sparse()) {
        append(key, entry.index);
        append(key, entry.value);
      }
      return;
    default:  // all kinds of NaN are the same missing value
      append(key, std::isnan(cell.number) ? std::numeric_limits<double>::quiet_NaN() : cell.number);
  }
}

/// How a computation ended that came to no result.
struct NotDone {
  BatchStatus status;
};

}  // namespace

void append_result_key(const BatchModel& model, const BatchRows& rows, std::string& key) {
  append(key, model.id());
  append(key, rows.n_rows);
  const auto fields = model.fields();
  for (std::size_t i = 0; i < rows.cells.size(); ++i)
    append_cell(fields[i % fields.size()].type, rows.cells[i], key);
}

ResultCache::ResultCache(ResultCacheOptions options)
    : results_({.max_bytes = options.max_bytes,
                .ttl_s = options.ttl_s,
                .n_shards = options.n_shards,
                .clock = options.clock}) {}

BatchStatus ResultCache::predict(DynamicBatcher& batcher, BatchLane& lane, const BatchRequest& request) {
  check_request(request);
  thread_local std::string key;  // warm from call to call
  key.clear();
  append_result_key(*request.model, request.rows, key);
  const auto give = [&](const Values& values) {
    std::ranges::copy(values, request.rows.out.begin());
    return BatchStatus::kDone;
  };
  if (const auto found = results_.get(key)) {
    n_hits_.fetch_add(1, std::memory_order_relaxed);
    return give(*found);
  }
  bool is_mine = false;
  try {
    const auto values = results_.get_or_make(key, [&] {
      is_mine = true;
      const BatchStatus status = batcher.predict(lane, request);
      if (status != BatchStatus::kDone) throw NotDone{status};
      const auto& out = request.rows.out;
      return Cache<std::string, Values>::Made{std::make_shared<const Values>(out.begin(), out.end()),
                                              key.size() + out.size_bytes() + kEntryBytes};
    });
    (is_mine ? n_computed_ : n_joined_).fetch_add(1, std::memory_order_relaxed);
    return is_mine ? BatchStatus::kDone : give(*values);
  } catch (const NotDone& other) {
    if (is_mine) return other.status;
    n_computed_.fetch_add(1, std::memory_order_relaxed);
    return batcher.predict(lane, request);
  }
}

ResultCacheCounters ResultCache::counters() const {
  const CacheCounters kept = results_.counters();
  return {.n_hits = n_hits_.load(std::memory_order_relaxed),
          .n_joined = n_joined_.load(std::memory_order_relaxed),
          .n_computed = n_computed_.load(std::memory_order_relaxed),
          .evictions = kept.evictions,
          .entries = kept.entries,
          .bytes = kept.bytes};
}

}  // namespace kolosal::infer
