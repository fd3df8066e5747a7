#include <benchmark/benchmark.h>

#include "kolosal/core/random.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::metric {
namespace {

struct Sample {
  std::vector<double> y, prediction, weights;
};

Sample make_sample(std::size_t n, bool weighted) {
  Rng rng(1);
  Sample out;
  for (std::size_t i = 0; i < n; ++i) {
    out.y.push_back(rng.uniform() < 0.3 ? 1 : 0);
    out.prediction.push_back(rng.uniform());
    if (weighted) out.weights.push_back(rng.uniform());
  }
  return out;
}

void score(benchmark::State& state, const char* name, bool weighted) {
  const Sample s = make_sample(static_cast<std::size_t>(state.range(0)), weighted);
  const data::TargetView y{data::Task::kBinary, s.y, s.weights, 2};
  const Metric& metric = metric_for(name, data::Task::kBinary);
  for (auto _ : state) benchmark::DoNotOptimize(metric.compute(y, s.prediction));
}

void loss(benchmark::State& state) {
  const Sample s = make_sample(static_cast<std::size_t>(state.range(0)), false);
  const data::TargetView y{data::Task::kBinary, s.y, {}, 2};
  for (auto _ : state) benchmark::DoNotOptimize(training_loss(y, s.prediction));
}

BENCHMARK_CAPTURE(score, roc_auc, "roc_auc", false)
    ->Arg(20'000)
    ->Arg(10'000'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(score, roc_auc_weighted, "roc_auc", true)->Arg(10'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(score, average_precision, "average_precision", false)
    ->Arg(10'000'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(loss)->Arg(20'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kolosal::metric
