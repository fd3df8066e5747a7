#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kolosal/core/context.hpp"

namespace kolosal {

struct CacheOptions {
  std::size_t max_bytes = std::numeric_limits<std::size_t>::max();
  double ttl_s =
      std::numeric_limits<double>::infinity();  ///< Seconds after put() until a value is forgotten.
  /// Parts with a lock of their own, a power of two. Each may hold an equal share of max_bytes: a cache of
  /// few large values should have one, a cache that many threads ask for small ones should have 16 or more.
  std::size_t n_shards = 1;
  bool keeps_newest = false;  ///< Keeps the value put last even when it alone is larger than the limit.
  const Clock* clock = &Clock::system();  ///< Outlives the cache.
};

/// What has happened since the cache was made, and what it holds.
struct CacheCounters {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;    ///< Given up for room.
  std::uint64_t expirations = 0;  ///< Given up for age.
  std::size_t entries = 0;
  std::size_t bytes = 0;
};

/// Values by key, of which those used last are kept: least recently used (LRU) goes first when there is no
/// room, and each goes when its time to live (TTL) is over.
///
///   Cache<std::string, Frame> cache({.max_bytes = 1 << 30});
///   const auto frame = cache.get_or_make(key, [&] { auto made = load(key); return Made{made,
///   bytes_of(*made)}; });
///
/// Values are immutable and shared: one that is given up lives on with those who hold it.
/// Units:   bytes are what the caller says that a value takes; keys and bookkeeping are not counted.
/// Edge:    a value larger than the limit (of a shard) is not kept at all, save with keeps_newest.
/// Threads: all members may be called from many threads.
/// Cost:    get() is a hash, a lock without a system call and a look-up: 60 to 90 ns.
template <typename Key, typename Value, typename Hash = std::hash<Key>>
class Cache {
 public:
  using Pointer = std::shared_ptr<const Value>;
  struct Made {
    Pointer value;
    std::size_t n_bytes = 0;
  };

  explicit Cache(CacheOptions options)
      : options_(options),
        shard_bits_(std::countr_zero(std::bit_ceil(std::max<std::size_t>(options.n_shards, 1)))),
        shards_(std::size_t{1} << shard_bits_),
        shard_bytes_(options.max_bytes >> shard_bits_) {}
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// Null when it is not there (any more).
  Pointer get(const Key& key) {
    const Wanted wanted(key);
    Shard& shard = shard_of(wanted);
    Node expired;  // destroyed after the lock is given back
    const std::lock_guard lock(shard.mutex);
    return find(shard, wanted, expired);
  }

  /// Keeps a value instead of what the key had, as the one used last.
  void put(const Key& key, Pointer value, std::size_t n_bytes) {
    const Wanted wanted(key);
    Shard& shard = shard_of(wanted);
    std::vector<Node> gone;
    const std::lock_guard lock(shard.mutex);
    insert(shard, wanted, std::move(value), n_bytes, gone);
  }

  /// The value of a key; make() gives it, as Made, when it is not there. Threads that want the same key at
  /// the same time wait for the first of them. An exception of make() goes to all who wait, and nothing is
  /// kept.
  template <typename Make>
  Pointer get_or_make(const Key& key, Make&& make) {
    const Wanted wanted(key);
    Shard& shard = shard_of(wanted);
    std::promise<Pointer> promise;
    {
      Node expired;
      std::unique_lock lock(shard.mutex);
      if (Pointer found = find(shard, wanted, expired)) return found;
      if (const auto at = shard.making.find(wanted); at != shard.making.end()) {
        const auto future = at->second;
        lock.unlock();
        return future.get();
      }
      shard.making.emplace(Hashed{key, wanted.hash}, promise.get_future().share());
    }
    std::vector<Node> gone;
    try {
      Made made = std::forward<Make>(make)();
      const std::lock_guard lock(shard.mutex);
      insert(shard, wanted, made.value, made.n_bytes, gone);
      shard.making.erase(shard.making.find(wanted));
      promise.set_value(made.value);
      return made.value;
    } catch (...) {
      const std::lock_guard lock(shard.mutex);
      shard.making.erase(shard.making.find(wanted));
      promise.set_exception(std::current_exception());
      throw;
    }
  }

  bool erase(const Key& key) {
    const Wanted wanted(key);
    Shard& shard = shard_of(wanted);
    Node gone;
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.entries.find(wanted);
    if (at == shard.entries.end()) return false;
    gone = take_out(shard, at);
    return true;
  }

  void clear() {
    for (Shard& shard : shards_) {
      Map gone;
      const std::lock_guard lock(shard.mutex);
      gone.swap(shard.entries);
      shard.newest = shard.oldest = nullptr;
      shard.counters.bytes = 0;
    }
  }

  CacheCounters counters() const {
    CacheCounters out;
    for (const Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      out.hits += shard.counters.hits;
      out.misses += shard.counters.misses;
      out.evictions += shard.counters.evictions;
      out.expirations += shard.counters.expirations;
      out.entries += shard.entries.size();
      out.bytes += shard.counters.bytes;
    }
    return out;
  }

 private:
  // A key with its hash, which is computed once per call: it chooses the shard and the place in its table.
  struct Hashed {
    Key key;
    std::size_t hash;
  };
  struct Wanted {
    const Key& key;
    std::size_t hash;
    explicit Wanted(const Key& k) : key(k), hash(Hash{}(k)) {}
  };
  struct TakeHash {
    using is_transparent = void;
    std::size_t operator()(const auto& key) const { return key.hash; }
  };
  struct SameKey {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const { return a.hash == b.hash && a.key == b.key; }
  };

  // An entry is a link of its shard's list, from the newest to the oldest; its address does not change.
  struct Entry {
    Pointer value;
    std::size_t n_bytes = 0;
    double expires_s = 0;
    const Hashed* key = nullptr;
    Entry* newer = nullptr;
    Entry* older = nullptr;
  };
  using Map = std::unordered_map<Hashed, Entry, TakeHash, SameKey>;
  using Node = typename Map::node_type;

  // On cache lines of its own, so that locks do not slow each other.
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Map entries;
    std::unordered_map<Hashed, std::shared_future<Pointer>, TakeHash, SameKey> making;
    Entry* newest = nullptr;
    Entry* oldest = nullptr;
    CacheCounters counters;
  };

  Shard& shard_of(const Wanted& wanted) {
    // std::hash of a number is the number; the product spreads it over the upper bits.
    const std::uint64_t mixed = static_cast<std::uint64_t>(wanted.hash) * 0x9E3779B97F4A7C15ULL;
    return shards_[shard_bits_ == 0 ? 0 : mixed >> (64 - shard_bits_)];
  }

  Pointer find(Shard& shard, const Wanted& wanted, Node& expired) {
    const auto at = shard.entries.find(wanted);
    if (at == shard.entries.end()) {
      ++shard.counters.misses;
      return nullptr;
    }
    Entry& entry = at->second;
    if (options_.ttl_s < std::numeric_limits<double>::infinity() &&
        options_.clock->now_s() >= entry.expires_s) {
      ++shard.counters.expirations;
      ++shard.counters.misses;
      expired = take_out(shard, at);
      return nullptr;
    }
    ++shard.counters.hits;
    if (shard.newest != &entry) {
      unlink(shard, entry);
      link(shard, entry);
    }
    return entry.value;
  }

  void insert(Shard& shard, const Wanted& wanted, Pointer value, std::size_t n_bytes,
              std::vector<Node>& gone) {
    if (const auto old = shard.entries.find(wanted); old != shard.entries.end())
      gone.push_back(take_out(shard, old));
    if (n_bytes > shard_bytes_ && !options_.keeps_newest) return;
    const std::size_t room = shard_bytes_ - std::min(n_bytes, shard_bytes_);
    while (shard.counters.bytes > room || (n_bytes > shard_bytes_ && shard.oldest)) {
      ++shard.counters.evictions;
      gone.push_back(take_out(shard, shard.entries.find(*shard.oldest->key)));
    }
    const auto [at, added] = shard.entries.try_emplace(Hashed{wanted.key, wanted.hash});
    Entry& entry = at->second;
    entry = {std::move(value), n_bytes, options_.clock->now_s() + options_.ttl_s,
             &at->first,       nullptr, nullptr};
    link(shard, entry);
    shard.counters.bytes += n_bytes;
  }

  static Node take_out(Shard& shard, typename Map::iterator at) {
    unlink(shard, at->second);
    shard.counters.bytes -= at->second.n_bytes;
    return shard.entries.extract(at);
  }

  static void link(Shard& shard, Entry& entry) {
    entry.newer = nullptr;
    entry.older = shard.newest;
    (shard.newest ? shard.newest->newer : shard.oldest) = &entry;
    shard.newest = &entry;
  }

  static void unlink(Shard& shard, Entry& entry) {
    (entry.newer ? entry.newer->older : shard.newest) = entry.older;
    (entry.older ? entry.older->newer : shard.oldest) = entry.newer;
  }

  CacheOptions options_;
  int shard_bits_;
  std::vector<Shard> shards_;
  std::size_t shard_bytes_;
};

}  // namespace kolosal
