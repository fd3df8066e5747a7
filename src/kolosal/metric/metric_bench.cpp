#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <tuple>

#include "kolosal/core/random.hpp"
#include "kolosal/metric/bootstrap.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::metric {
namespace {

using data::Task;

constexpr std::size_t kManyRows = 10'000'000;

struct Sample {
  data::TargetView view() const { return {task, y, weights, n_classes}; }

  Task task = Task::kBinary;
  std::size_t n_classes = 2;
  std::vector<double> y, prediction, weights;
};

/// Three classes; targets of a regression are positive, so that every metric has a value.
Sample make_sample(Task task, std::size_t n, bool weighted) {
  Rng rng(1);
  Sample out;
  out.task = task;
  out.n_classes = task == Task::kBinary ? 2 : task == Task::kMulticlass ? 3 : 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (task == Task::kBinary) {
      out.y.push_back(rng.uniform() < 0.3 ? 1 : 0);
      out.prediction.push_back(rng.uniform());
    } else if (task == Task::kMulticlass) {
      out.y.push_back(static_cast<double>(rng.below(3)));
      const double first = rng.uniform(), second = (1 - first) * rng.uniform();
      out.prediction.insert(out.prediction.end(), {first, second, 1 - first - second});
    } else {
      out.y.push_back(0.1 + rng.uniform());
      out.prediction.push_back(0.1 + rng.uniform());
    }
    if (weighted) out.weights.push_back(rng.uniform());
  }
  return out;
}

/// The last sample is kept: benchmarks that follow each other mostly have the same.
const Sample& sample_of(Task task, std::size_t n, bool weighted) {
  static std::tuple<Task, std::size_t, bool> key;
  static std::unique_ptr<const Sample> sample;
  if (!sample || key != std::tuple{task, n, weighted}) {
    sample.reset();
    sample = std::make_unique<const Sample>(make_sample(task, n, weighted));
    key = {task, n, weighted};
  }
  return *sample;
}

void score(benchmark::State& state, const Metric& metric, Task task, bool weighted) {
  const Sample& s = sample_of(task, static_cast<std::size_t>(state.range(0)), weighted);
  for (auto _ : state) benchmark::DoNotOptimize(metric.compute(s.view(), s.prediction));
}

void interval(benchmark::State& state, const char* name, Task task) {
  const Sample& s = sample_of(task, static_cast<std::size_t>(state.range(0)), false);
  const Metric& metric = metric_for(name, task);
  for (auto _ : state)
    benchmark::DoNotOptimize(bootstrap_interval(metric, s.view(), s.prediction, {}, Context{}));
}

void loss(benchmark::State& state) {
  const Sample& s = sample_of(Task::kBinary, static_cast<std::size_t>(state.range(0)), false);
  for (auto _ : state) benchmark::DoNotOptimize(training_loss(s.view(), s.prediction));
}

/// Every metric of every task: score/binary/roc_auc/weighted/10000000.
[[maybe_unused]] const bool kAllRegistered = [] {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
    for (const bool weighted : {false, true})
      for (const Metric* metric : metrics_for(task)) {
        const std::string name = "score/" + std::string(data::task_name(task)) + "/" + metric->name;
        benchmark::RegisterBenchmark((name + (weighted ? "/weighted" : "")).c_str(), score, *metric, task,
                                     weighted)
            ->Arg(kManyRows)
            ->Unit(benchmark::kMillisecond);
      }
  return true;
}();

BENCHMARK_CAPTURE(interval, roc_auc, "roc_auc", Task::kBinary)
    ->Arg(10'000)
    ->Arg(kManyRows)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(interval, rmse, "rmse", Task::kRegression)
    ->Arg(10'000)
    ->Arg(kManyRows)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(loss)->Arg(20'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kolosal::metric
