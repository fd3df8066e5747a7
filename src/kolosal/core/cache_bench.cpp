#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "kolosal/core/cache.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal {
namespace {

constexpr std::size_t kKeys = 100'000;
constexpr std::size_t kAsked = 1 << 16;  // keys asked for in turn, drawn in advance

/// The numbers of the keys that a thread asks for: most of them the same few, as in life (Zipf's law).
std::vector<std::size_t> asked_keys(std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::size_t> out(kAsked);
  for (auto& key : out)
    key = std::min(kKeys - 1,
                   static_cast<std::size_t>(std::pow(static_cast<double>(kKeys), rng.uniform())) - 1);
  return out;
}

template <typename Key>
Key key_of(std::size_t i) {
  if constexpr (std::is_same_v<Key, std::string>)
    return fmt::format("table 4f2a91/impute=median/scale=standard/{}", i);
  else
    return static_cast<Key>(i);
}

template <typename Key>
struct Fixture {
  Cache<Key, int> cache;
  explicit Fixture(double ttl_s) : cache({.max_bytes = kKeys * 100, .ttl_s = ttl_s, .n_shards = 64}) {
    for (std::size_t i = 0; i < kKeys; ++i) cache.put(key_of<Key>(i), std::make_shared<const int>(1), 8);
  }
};

/// Gets a second, all threads together, as items_per_second.
template <typename Key>
void run_gets(benchmark::State& state, double ttl_s) {
  static Fixture<Key> plain(std::numeric_limits<double>::infinity()), mortal(3600);
  auto& cache = ttl_s < 1e9 ? mortal.cache : plain.cache;
  std::vector<Key> keys;
  for (const std::size_t i : asked_keys(static_cast<std::uint64_t>(state.thread_index())))
    keys.push_back(key_of<Key>(i));
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(cache.get(keys[at]));
    at = (at + 1) % kAsked;
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_CacheGetNumber(benchmark::State& state) {
  run_gets<std::uint64_t>(state, std::numeric_limits<double>::infinity());
}
void BM_CacheGetText(benchmark::State& state) {
  run_gets<std::string>(state, std::numeric_limits<double>::infinity());
}
void BM_CacheGetNumberWithTtl(benchmark::State& state) { run_gets<std::uint64_t>(state, 3600); }
BENCHMARK(BM_CacheGetNumber)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(BM_CacheGetText)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(BM_CacheGetNumberWithTtl)->Threads(2)->UseRealTime();

/// Puts into a full cache: each gives up another value.
void BM_CachePutAndEvict(benchmark::State& state) {
  static Cache<std::uint64_t, int> cache({.max_bytes = 10'000 * 8, .n_shards = 64});
  const auto value = std::make_shared<const int>(1);
  std::uint64_t key = static_cast<std::uint64_t>(state.thread_index()) << 40;
  for (auto _ : state) cache.put(++key, value, 8);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CachePutAndEvict)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace kolosal
