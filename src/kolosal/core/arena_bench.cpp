#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>

#include "kolosal/core/arena.hpp"

namespace kolosal {
namespace {

// Pieces of 16 to 256 bytes, all given back at the end of a round, as the nodes of a tree are.
constexpr std::size_t kPieces = 1'000;
constexpr std::size_t size_of(std::size_t i) { return 16 + (i * 37) % 241; }

void BM_SmallPiecesArena(benchmark::State& state) {
  Arena arena;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kPieces; ++i) benchmark::DoNotOptimize(arena.take(size_of(i), 8));
    arena.reset();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPieces));
}
BENCHMARK(BM_SmallPiecesArena);

void BM_SmallPiecesMalloc(benchmark::State& state) {
  std::array<void*, kPieces> pieces{};
  for (auto _ : state) {
    for (std::size_t i = 0; i < kPieces; ++i) benchmark::DoNotOptimize(pieces[i] = std::malloc(size_of(i)));
    for (void* const piece : pieces) std::free(piece);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPieces));
}
BENCHMARK(BM_SmallPiecesMalloc);

// Buffers of a batch, each page written once. 64 MB is beyond the largest piece that malloc keeps.
void BM_LargeBufferPool(benchmark::State& state) {
  const auto n_bytes = static_cast<std::size_t>(state.range(0));
  BufferPool pool(256 << 20);
  for (auto _ : state) {
    const auto buffer = pool.take(n_bytes);
    for (std::size_t i = 0; i < n_bytes; i += 4096) buffer.data()[i] = std::byte{1};
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_LargeBufferPool)->Arg(1 << 20)->Arg(64 << 20);

void BM_LargeBufferMalloc(benchmark::State& state) {
  const auto n_bytes = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    auto* const buffer = static_cast<char*>(std::malloc(n_bytes));
    for (std::size_t i = 0; i < n_bytes; i += 4096) buffer[i] = 1;
    benchmark::ClobberMemory();
    std::free(buffer);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_LargeBufferMalloc)->Arg(1 << 20)->Arg(64 << 20);

}  // namespace
}  // namespace kolosal
