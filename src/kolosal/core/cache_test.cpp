#include "kolosal/core/cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/fake_clock.hpp"

namespace kolosal {
namespace {

using Texts = Cache<std::string, std::string>;

std::shared_ptr<const std::string> text(std::string value) {
  return std::make_shared<const std::string>(std::move(value));
}

/// The values of keys that are there, without counting as a use of them: only in the last line of a test.
template <typename C, typename... Keys>
std::string present(C& cache, Keys... keys) {
  std::string out;
  for (const auto* key : {keys...})
    if (const auto value = cache.get(key)) out += *value;
  return out;
}

TEST(Cache, GivesWhatWasPutLast) {
  Texts cache({.max_bytes = 100});
  EXPECT_EQ(cache.get("a"), nullptr);
  cache.put("a", text("1"), 10);
  cache.put("a", text("2"), 20);
  EXPECT_EQ(*cache.get("a"), "2");
  const CacheCounters counters = cache.counters();
  EXPECT_EQ(counters.hits, 1U);
  EXPECT_EQ(counters.misses, 1U);
  EXPECT_EQ(counters.entries, 1U);
  EXPECT_EQ(counters.bytes, 20U);
  EXPECT_EQ(counters.evictions, 0U);
}

TEST(Cache, GivesUpWhatWasNotUsedForLongest) {
  Texts cache({.max_bytes = 30});
  for (const char* key : {"a", "b", "c"}) cache.put(key, text(key), 10);
  EXPECT_NE(cache.get("a"), nullptr);
  cache.put("d", text("d"), 10);
  EXPECT_EQ(cache.counters().evictions, 1U);
  EXPECT_EQ(present(cache, "a", "b", "c", "d"), "acd");
}

TEST(Cache, MakesRoomForALargeValueByGivingUpSeveral) {
  Texts cache({.max_bytes = 30});
  for (const char* key : {"a", "b", "c"}) cache.put(key, text(key), 10);
  cache.put("d", text("d"), 15);
  EXPECT_EQ(cache.counters().bytes, 25U);
  EXPECT_EQ(present(cache, "a", "b", "c", "d"), "cd");
}

TEST(Cache, DoesNotKeepWhatIsLargerThanItsLimit) {
  Texts cache({.max_bytes = 30});
  cache.put("a", text("a"), 10);
  cache.put("b", text("b"), 31);
  cache.put("a", text("A"), 31);  // and then the old value is not the key's any more
  EXPECT_EQ(present(cache, "a", "b"), "");
  EXPECT_EQ(cache.counters().bytes, 0U);
  cache.put("c", text("c"), 30);
  EXPECT_EQ(present(cache, "c"), "c");
}

TEST(Cache, MayKeepTheNewestValueWhateverItsSize) {
  Texts cache({.max_bytes = 30, .keeps_newest = true});
  cache.put("a", text("a"), 10);
  cache.put("b", text("b"), 31);
  EXPECT_EQ(cache.counters().bytes, 31U);
  EXPECT_EQ(present(cache, "a", "b"), "b");
  cache.put("c", text("c"), 20);
  EXPECT_EQ(present(cache, "b", "c"), "c");
}

TEST(Cache, WhoHoldsAValueKeepsIt) {
  Texts cache({.max_bytes = 10});
  cache.put("a", text("a"), 10);
  const auto held = cache.get("a");
  cache.put("b", text("b"), 10);
  EXPECT_EQ(cache.get("a"), nullptr);
  EXPECT_EQ(*held, "a");
}

TEST(Cache, ForgetsWhenTheTimeToLiveIsOver) {
  FakeClock clock;
  Texts cache({.max_bytes = 100, .ttl_s = 60, .clock = &clock});
  cache.put("a", text("a"), 1);
  clock.advance(59.9);
  EXPECT_NE(cache.get("a"), nullptr);  // a use does not make it live longer
  cache.put("b", text("b"), 1);
  clock.advance(0.1);
  EXPECT_EQ(cache.get("a"), nullptr);
  EXPECT_EQ(cache.counters().expirations, 1U);
  EXPECT_EQ(cache.counters().bytes, 1U);
  EXPECT_EQ(present(cache, "b"), "b");
  cache.put("a", text("a again"), 1);
  EXPECT_EQ(present(cache, "a"), "a again");
}

TEST(Cache, ErasesAndClears) {
  Texts cache({.max_bytes = 100});
  for (const char* key : {"a", "b", "c"}) cache.put(key, text(key), 10);
  EXPECT_TRUE(cache.erase("b"));
  EXPECT_FALSE(cache.erase("b"));
  EXPECT_EQ(present(cache, "a", "b", "c"), "ac");
  cache.clear();
  EXPECT_EQ(cache.counters().entries, 0U);
  EXPECT_EQ(cache.counters().bytes, 0U);
  cache.put("d", text("d"), 10);
  EXPECT_EQ(present(cache, "a", "d"), "d");
}

TEST(Cache, ShardsShareTheLimit) {
  Cache<int, int> cache({.max_bytes = 800, .n_shards = 8});
  for (int i = 0; i < 10'000; ++i) cache.put(i, std::make_shared<const int>(i), 10);
  const CacheCounters counters = cache.counters();
  EXPECT_EQ(counters.bytes, 800U);  // all are full: keys are spread over them
  EXPECT_EQ(counters.entries, 80U);
  EXPECT_EQ(counters.evictions, 9'920U);
}

/// A cache as a person would write it down: the same answers for any sequence of calls.
void compare_with_description(std::uint64_t n_keys, std::size_t max_bytes, double ttl_s) {
  FakeClock clock;
  Cache<int, int> cache({.max_bytes = max_bytes, .ttl_s = ttl_s, .clock = &clock});
  struct Plain {
    int value;
    std::size_t n_bytes;
    double until;
  };
  std::map<int, Plain> entries;
  std::list<int> order;  // last used first
  Rng rng(7);
  for (int i = 0; i < 20'000; ++i) {
    clock.advance(static_cast<double>(rng.below(3)));
    const int key = static_cast<int>(rng.below(n_keys));
    const auto at = entries.find(key);
    if (rng.below(3) == 0) {
      const std::size_t n_bytes = rng.below(60);
      cache.put(key, std::make_shared<const int>(i), n_bytes);
      order.remove(key);
      entries.erase(key);
      if (n_bytes > max_bytes) continue;
      std::size_t sum = n_bytes;
      for (const auto& [other, entry] : entries) sum += entry.n_bytes;
      while (sum > max_bytes) {
        sum -= entries.at(order.back()).n_bytes;
        entries.erase(order.back());
        order.pop_back();
      }
      entries[key] = {i, n_bytes, clock.now_s() + ttl_s};
      order.push_front(key);
      continue;
    }
    const auto got = cache.get(key);
    if (at == entries.end() || clock.now_s() >= at->second.until) {
      ASSERT_EQ(got, nullptr) << i;
      if (at != entries.end()) entries.erase(at), order.remove(key);
    } else {
      ASSERT_NE(got, nullptr) << i;
      ASSERT_EQ(*got, at->second.value);
      order.remove(key);
      order.push_front(key);
    }
  }
  EXPECT_GT(cache.counters().evictions, 100U);
  EXPECT_GT(cache.counters().expirations, 100U);
}

TEST(Cache, BehavesLikeItsDescription) {
  compare_with_description(12, 50, 8);
  compare_with_description(300, 2'000, 250);
}

// Uses near to each other may count as one in a large shard, but what is asked for goes after what is not.
TEST(Cache, ALargeShardKeepsWhatIsAskedFor) {
  Cache<int, int> cache({.max_bytes = 1'000});
  for (int key = 0; key < 10'000; ++key) {
    cache.put(key, std::make_shared<const int>(key), 1);
    for (int asked = 0; asked <= std::min(key, 99); ++asked) ASSERT_NE(cache.get(asked), nullptr) << key;
  }
  EXPECT_EQ(cache.counters().entries, 1'000U);
  for (int key = 9'100; key < 10'000; ++key) EXPECT_NE(cache.get(key), nullptr) << key;
}

TEST(Cache, AValueIsMadeOnceForAllWhoWant) {
  Cache<int, int> cache({.max_bytes = 1'000});
  std::atomic<int> n_made{0}, n_right{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int key = 0; key < 50; ++key) {
        const auto value = cache.get_or_make(key, [&] {
          ++n_made;
          std::this_thread::yield();
          return Cache<int, int>::Made{std::make_shared<const int>(key * key), 1};
        });
        n_right += *value == key * key;
      }
    });
  threads.clear();
  EXPECT_EQ(n_made, 50);
  EXPECT_EQ(n_right, 400);
}

TEST(Cache, AFailureToMakeIsToldAndNotKept) {
  Texts cache({.max_bytes = 100});
  const auto fail = []() -> Texts::Made { throw std::runtime_error("no"); };
  EXPECT_THROW(cache.get_or_make("a", fail), std::runtime_error);
  EXPECT_EQ(*cache.get_or_make("a", [] { return Texts::Made{text("made"), 5}; }), "made");
  EXPECT_EQ(*cache.get_or_make("a", fail), "made");
}

TEST(Cache, ManyThreadsReadWriteEraseAndCount) {
  Cache<int, int> cache({.max_bytes = 500, .ttl_s = 0.005, .n_shards = 4});
  std::atomic<std::uint64_t> n_hits{0}, n_gets{0};
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Rng rng(t);
      for (int i = 0; i < 20'000; ++i) {
        const int key = static_cast<int>(rng.below(200));
        switch (rng.below(8)) {
          case 0:
            cache.erase(key);
            break;
          case 1:
          case 2:
            cache.put(key, std::make_shared<const int>(key), 1 + rng.below(20));
            break;
          case 3:
            if (i % 1000 == 0) cache.clear();
            break;
          default:
            ++n_gets;
            if (const auto value = cache.get(key)) {
              ++n_hits;
              ASSERT_EQ(*value, key);
            }
        }
        if (i % 100 == 0) {
          ASSERT_LE(cache.counters().bytes, 500U);
        }
      }
    });
  threads.clear();
  const CacheCounters counters = cache.counters();
  EXPECT_EQ(counters.hits, n_hits);
  EXPECT_EQ(counters.hits + counters.misses, n_gets);
}

}  // namespace
}  // namespace kolosal
