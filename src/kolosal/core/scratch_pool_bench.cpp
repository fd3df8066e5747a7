#include <benchmark/benchmark.h>

#include "kolosal/core/scratch_pool.hpp"

namespace kolosal {
namespace {

// A buffer of 20 kB is taken and given back by each thread.
constexpr std::size_t kBytes = 20'000;

void BM_ScratchPool(benchmark::State& state) {
  static ScratchPool pool;
  for (auto _ : state) benchmark::DoNotOptimize(pool.take(kBytes).data());
}
BENCHMARK(BM_ScratchPool)->Threads(1)->Threads(8);

void BM_SharedPool(benchmark::State& state) {
  static BufferPool pool(64 << 20);
  for (auto _ : state) benchmark::DoNotOptimize(pool.take(kBytes).data());
}
BENCHMARK(BM_SharedPool)->Threads(1)->Threads(8);

}  // namespace
}  // namespace kolosal
