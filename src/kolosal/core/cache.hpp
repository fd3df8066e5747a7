#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kolosal/core/coarse_clock.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/core/error.hpp"

namespace kolosal {

struct CacheOptions {
  std::size_t max_bytes = std::numeric_limits<std::size_t>::max();
  double ttl_s =
      std::numeric_limits<double>::infinity();  ///< Seconds after put() until a value is forgotten.
  /// Parts with a lock of their own, a power of two. Each may hold an equal share of max_bytes: a cache of
  /// few large values should have one, a cache that many threads ask for small ones should have 16 or more.
  std::size_t n_shards = 1;
  bool keeps_newest = false;  ///< Keeps the value put last even when it alone is larger than the limit.
  const Clock* clock = &coarse_clock();  ///< Outlives the cache.
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
/// Order:   of shards of more than 128 values, uses nearer to each other than an eighth of the values may
/// count
///          as one.
/// Threads: all members may be called from many threads.
/// Cost:    get() is a hash, a lock that no other thread wants but rarely, and four cache lines.
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
    const double now_s = read_clock();
    Pointer expired;  // destroyed after the lock is given back
    const std::lock_guard lock(shard.mutex);
    return find(shard, wanted, now_s, expired);
  }

  /// Keeps a value instead of what the key had, as the one used last.
  void put(const Key& key, Pointer value, std::size_t n_bytes) {
    const Wanted wanted(key);
    Shard& shard = shard_of(wanted);
    const double now_s = read_clock();
    std::vector<Pointer> gone;
    const std::lock_guard lock(shard.mutex);
    insert(shard, wanted, std::move(value), n_bytes, now_s, gone);
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
      const double now_s = read_clock();
      Pointer expired;
      std::unique_lock lock(shard.mutex);
      if (Pointer found = find(shard, wanted, now_s, expired)) return found;
      if (const auto at = shard.making.find(key); at != shard.making.end()) {
        const auto future = at->second;
        lock.unlock();
        return future.get();
      }
      shard.making.emplace(key, promise.get_future().share());
    }
    std::vector<Pointer> gone;
    try {
      Made made = std::forward<Make>(make)();
      const double now_s = read_clock();
      const std::lock_guard lock(shard.mutex);
      insert(shard, wanted, made.value, made.n_bytes, now_s, gone);
      shard.making.erase(key);
      promise.set_value(made.value);
      return made.value;
    } catch (...) {
      const std::lock_guard lock(shard.mutex);
      shard.making.erase(key);
      promise.set_exception(std::current_exception());
      throw;
    }
  }

  bool erase(const Key& key) {
    const Wanted wanted(key);
    Shard& shard = shard_of(wanted);
    Pointer gone;
    const std::lock_guard lock(shard.mutex);
    const std::size_t at = locate(shard, wanted);
    if (shard.index[at].slot == kNone) return false;
    gone = take_out(shard, at);
    return true;
  }

  void clear() {
    for (Shard& shard : shards_) {
      std::vector<Slot> gone;
      const std::lock_guard lock(shard.mutex);
      gone.swap(shard.slots);
      shard.index.assign(16, Cell{});
      shard.free.clear();
      shard.uses.clear();
      shard.n_entries = 0;
      shard.counters.bytes = 0;
    }
  }

  CacheCounters counters() const {
    CacheCounters out;
    for (const Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      out.hits += shard.tick - shard.n_puts;
      out.misses += shard.counters.misses;
      out.evictions += shard.counters.evictions;
      out.expirations += shard.counters.expirations;
      out.entries += shard.n_entries;
      out.bytes += shard.counters.bytes;
    }
    return out;
  }

 private:
  // A key with its hash, which is computed once per call: it chooses the shard and the place in its table.
  struct Wanted {
    const Key& key;
    std::size_t hash;
    explicit Wanted(const Key& k) : key(k), hash(Hash{}(k)) {}
    // std::hash of a number is the number; the product spreads it over the upper bits.
    std::uint64_t mixed() const { return static_cast<std::uint64_t>(hash) * 0x9E3779B97F4A7C15ULL; }
  };

  // What is kept. A hit reads the first line of it, and writes last_use now and then.
  struct alignas(64) Slot {
    Key key{};
    Pointer value;               // null: the slot is free
    std::uint64_t last_use = 0;  // ticks of the shard
    double expires_s = 0;
    std::uint64_t mixed = 0;
    std::size_t n_bytes = 0;
    bool is_queued = false;
  };

  // The order of use, as far as it is known: a slot was used at this tick, or later. A hit notes the tick in
  // its slot only; when room is wanted the least entry is looked at, and queued again if its slot was used
  // later. So the slot that goes is the one whose last use is longest ago, though no hit moves anything.
  struct Use {
    std::uint64_t tick;
    std::uint32_t slot;
    bool operator<(const Use& other) const { return tick > other.tick; }  // for a heap with the least on top
  };

  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Cell {
    std::uint32_t tag = 0;  // other bits of the hash than those that give the place
    std::uint32_t slot = kNone;
  };

  // A lock for stretches of some dozen instructions: taken by one atomic operation, given back by a store.
  class Lock {
   public:
    void lock() {
      while (is_taken_.exchange(true, std::memory_order_acquire))
        for (int i = 0; is_taken_.load(std::memory_order_relaxed); ++i)
          if (i >= 100) std::this_thread::yield();  // its holder may wait for a core
    }
    void unlock() { is_taken_.store(false, std::memory_order_release); }

   private:
    std::atomic<bool> is_taken_{false};
  };

  // On cache lines of its own, so that shards do not slow each other. A hit needs the first line alone, which
  // the thread that asked before may have to give up to this one.
  struct alignas(64) Shard {
    mutable Lock mutex;
    std::vector<Cell> index = std::vector<Cell>(16);  // open addressing, at most half full
    std::vector<Slot> slots;
    std::uint64_t tick = 0;  // hits and puts
    std::uint64_t n_puts = 0;
    std::size_t n_entries = 0;
    std::vector<std::uint32_t> free;
    std::vector<Use> uses;   // a heap; one per slot that is_queued
    CacheCounters counters;  // save hits and entries
    std::unordered_map<Key, std::shared_future<Pointer>, Hash> making;
  };

  Shard& shard_of(const Wanted& wanted) {
    return shards_[shard_bits_ == 0 ? 0 : wanted.mixed() >> (64 - shard_bits_)];
  }

  // The shard's bits are the upper ones, the place's those below them, the tag's the lowest.
  std::size_t place_of(const Shard& shard, std::uint64_t mixed) const {
    return ((mixed << shard_bits_) >> 32) & (shard.index.size() - 1);
  }
  static std::uint32_t tag_of(std::uint64_t mixed) { return static_cast<std::uint32_t>(mixed); }

  /// The place of a key in the index, or of the free cell where it would be.
  std::size_t locate(const Shard& shard, const Wanted& wanted) const {
    const std::uint32_t tag = tag_of(wanted.mixed());
    std::size_t at = place_of(shard, wanted.mixed());
    for (;; at = (at + 1) & (shard.index.size() - 1)) {
      const Cell& cell = shard.index[at];
      if (cell.slot == kNone || (cell.tag == tag && shard.slots[cell.slot].key == wanted.key)) return at;
    }
  }

  // Not while a lock is held: it costs as much as the rest. Without a time to live nobody asks.
  double read_clock() const {
    return options_.ttl_s < std::numeric_limits<double>::infinity() ? options_.clock->now_s() : 0;
  }

  Pointer find(Shard& shard, const Wanted& wanted, double now_s, Pointer& expired) {
    const std::size_t at = locate(shard, wanted);
    if (shard.index[at].slot == kNone) {
      ++shard.counters.misses;
      return nullptr;
    }
    Slot& slot = shard.slots[shard.index[at].slot];
    if (now_s >= slot.expires_s) {
      ++shard.counters.expirations;
      ++shard.counters.misses;
      expired = take_out(shard, at);
      return nullptr;
    }
    const std::uint64_t now = ++shard.tick;
    if (now - slot.last_use > uses_that_count_as_one(shard)) slot.last_use = now;
    return slot.value;
  }

  void insert(Shard& shard, const Wanted& wanted, Pointer value, std::size_t n_bytes, double now_s,
              std::vector<Pointer>& gone) {
    KOLOSAL_ASSERT(value, "a cache keeps values");
    if (const std::size_t old = locate(shard, wanted); shard.index[old].slot != kNone)
      gone.push_back(take_out(shard, old));
    if (n_bytes > shard_bytes_ && !options_.keeps_newest) return;
    const std::size_t room = shard_bytes_ - std::min(n_bytes, shard_bytes_);
    while (shard.counters.bytes > room || (n_bytes > shard_bytes_ && shard.n_entries > 0)) evict(shard, gone);
    if (2 * (shard.n_entries + 1) > shard.index.size()) grow(shard);
    if (shard.free.empty()) {
      shard.free.push_back(static_cast<std::uint32_t>(shard.slots.size()));
      shard.slots.emplace_back();
    }
    const std::uint32_t number = shard.free.back();
    shard.free.pop_back();
    Slot& slot = shard.slots[number];
    // A slot that is still queued was used at that tick or, from now on, later.
    slot = {.key = wanted.key,
            .value = std::move(value),
            .last_use = ++shard.tick,
            .expires_s = now_s + options_.ttl_s,
            .mixed = wanted.mixed(),
            .n_bytes = n_bytes,
            .is_queued = slot.is_queued};
    ++shard.n_puts;
    shard.index[locate(shard, wanted)] = {tag_of(slot.mixed), number};
    ++shard.n_entries;
    shard.counters.bytes += n_bytes;
    if (!slot.is_queued) queue(shard, number);
  }

  /// A value that is asked for all the time need not be written to each time, which takes its line from the
  /// caches of the other cores. Up to 128 entries the order of use is exact.
  static std::uint64_t uses_that_count_as_one(const Shard& shard) {
    return shard.index.size() > 256 ? shard.index.size() / 32 : 1;
  }

  static void queue(Shard& shard, std::uint32_t number) {
    shard.uses.push_back({shard.slots[number].last_use, number});
    std::push_heap(shard.uses.begin(), shard.uses.end());
    shard.slots[number].is_queued = true;
  }

  /// Gives up the entry whose last use is longest ago; there is one.
  void evict(Shard& shard, std::vector<Pointer>& gone) {
    for (;;) {
      std::pop_heap(shard.uses.begin(), shard.uses.end());
      const Use use = shard.uses.back();
      shard.uses.pop_back();
      Slot& slot = shard.slots[use.slot];
      slot.is_queued = false;
      if (!slot.value) continue;
      if (slot.last_use != use.tick) {
        queue(shard, use.slot);
        continue;
      }
      ++shard.counters.evictions;
      gone.push_back(take_out(shard, locate(shard, Wanted(slot.key))));
      return;
    }
  }

  void grow(Shard& shard) {
    shard.index.assign(2 * shard.index.size(), Cell{});
    for (std::uint32_t number = 0; number < shard.slots.size(); ++number) {
      const Slot& slot = shard.slots[number];
      if (!slot.value) continue;
      std::size_t at = place_of(shard, slot.mixed);
      while (shard.index[at].slot != kNone) at = (at + 1) & (shard.index.size() - 1);
      shard.index[at] = {tag_of(slot.mixed), number};
    }
  }

  /// Frees the cell and its slot; the cells behind it move up, so that no search ends too early.
  Pointer take_out(Shard& shard, std::size_t at) {
    Slot& slot = shard.slots[shard.index[at].slot];
    shard.free.push_back(shard.index[at].slot);
    shard.counters.bytes -= slot.n_bytes;
    --shard.n_entries;
    Pointer out = std::move(slot.value);
    slot.value = nullptr;
    slot.key = Key{};
    const std::size_t mask = shard.index.size() - 1;
    for (std::size_t next = (at + 1) & mask; shard.index[next].slot != kNone; next = (next + 1) & mask) {
      const std::size_t home = place_of(shard, shard.slots[shard.index[next].slot].mixed);
      if (((next - home) & mask) < ((next - at) & mask)) continue;  // it may not stand before its home
      shard.index[at] = shard.index[next];
      at = next;
    }
    shard.index[at] = Cell{};
    return out;
  }

  CacheOptions options_;
  int shard_bits_;
  std::vector<Shard> shards_;
  std::size_t shard_bytes_;
};

}  // namespace kolosal
