#include <benchmark/benchmark.h>

#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/ensemble/greedy_selection.hpp"

namespace kolosal::ensemble {
namespace {

/// 40 candidates, 20,000 rows, 25 steps on one thread.
void select(benchmark::State& state, data::Task task, std::size_t n_classes, bool weighted) {
  constexpr std::size_t kRows = 20'000, kCandidates = 40;
  Rng rng(1);
  std::vector<double> target, weights;
  for (std::size_t i = 0; i < kRows; ++i) {
    target.push_back(n_classes == 0 ? rng.normal() : static_cast<double>(rng.below(n_classes)));
    if (weighted) weights.push_back(rng.uniform());
  }
  const data::TargetView y{task, target, weights, n_classes};
  std::vector<std::vector<double>> predictions(kCandidates, std::vector<double>(kRows * y.n_outputs()));
  for (auto& prediction : predictions)
    for (double& p : prediction) p = rng.uniform() / static_cast<double>(y.n_outputs());
  const std::vector<std::span<const double>> candidates(predictions.begin(), predictions.end());
  for (auto _ : state)
    benchmark::DoNotOptimize(
        greedy_selection(y, candidates, {.n_steps = 25, .max_members = kCandidates}, {}));
}

BENCHMARK_CAPTURE(select, binary, data::Task::kBinary, 2, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(select, binary_weighted, data::Task::kBinary, 2, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(select, ten_classes, data::Task::kMulticlass, 10, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(select, regression, data::Task::kRegression, 0, false)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kolosal::ensemble
