// Serves a model file through infer::DynamicBatcher and without it; see README.md.
//   batcher_bench MODEL [SECONDS]
// Callers are threads of their own, or 64 calls at a time from each of two threads. Rows are drawn from the model's schema.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "kolosal/core/device.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/histogram.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/infer/serving/dynamic_batcher.hpp"
#include "kolosal/infer/serving/session_model.hpp"

using namespace kolosal;

namespace {

constexpr std::size_t kCallers = 64, kRows = 4'096;

/// Rows of numbers in the range of training, levels of categories, and short texts.
std::vector<data::RowCell> random_rows(const infer::BatchModel& model) {
  static const std::string text = "some words";
  Rng rng(1);
  std::vector<data::RowCell> out;
  for (std::size_t r = 0; r < kRows; ++r)
    for (const data::Field& field : model.fields()) {
      data::RowCell& cell = out.emplace_back();
      cell.number = field.minimum + rng.uniform() * (field.maximum - field.minimum);
      if (field.dictionary) cell.number = static_cast<double>(rng.below(field.dictionary->levels().size()));
      if (field.type == data::ColumnType::kText) {
        cell.bytes = text.data();
        cell.n = static_cast<std::uint32_t>(text.size());
      }
      cell.time = static_cast<std::int64_t>(cell.number);
    }
  return out;
}

struct Bench {
  std::shared_ptr<const infer::SessionModel> model;
  std::vector<data::RowCell> cells;
  double seconds;

  infer::BatchRows rows(std::size_t i, std::span<double> out) const {
    return {std::span(cells).subspan(i % kRows * model->n_fields(), model->n_fields()), 1, out};
  }
};

/// A model that costs nothing: what is left is the batcher.
class FreeModel final : public infer::BatchModel {
 public:
  std::span<const data::Field> fields() const override { return fields_; }
  std::size_t n_outputs() const override { return 1; }
  std::size_t bytes_per_row() const override { return 8; }
  void predict(std::span<const infer::BatchRows> parts) const override {
    for (const infer::BatchRows& part : parts) part.out[0] = part.cells[0].number;
  }

 private:
  std::vector<data::Field> fields_{{.name = "x"}};
};

struct Outcome {
  double calls_s = 0;
  double p50_us = 0, p99_us = 0;
};

/// n_threads that call again and again, for a while.
Outcome race(const Bench& bench, std::size_t n_threads, const std::function<void(const infer::BatchRows&)>& call) {
  Histogram latency_ns;
  std::atomic<std::size_t> n_calls{0};
  std::atomic<bool> is_over{false};
  const Clock& clock = Clock::system();
  const double start_s = clock.now_s();
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < n_threads; ++t)
    threads.emplace_back([&, t] {
      std::vector<double> out(bench.model->n_outputs());
      std::size_t n = 0;
      for (; !is_over.load(std::memory_order_relaxed); ++n) {
        const double before_s = clock.now_s();
        call(bench.rows(977 * t + n, out));
        latency_ns.add_seconds(clock.now_s() - before_s);
        if (n % 64 == 0 && clock.now_s() - start_s > bench.seconds) is_over = true;
      }
      n_calls += n;
    });
  threads.clear();
  const double seconds = clock.now_s() - start_s;
  return {static_cast<double>(n_calls) / seconds, 1e6 * latency_ns.quantile_seconds(0.5),
          1e6 * latency_ns.quantile_seconds(0.99)};
}

/// As a server with few threads has it: each collects what has come and computes it.
Outcome race_submitted(const Bench& bench, infer::DynamicBatcher& batcher, infer::BatchLane& lane,
                       std::size_t n_threads) {
  Histogram latency_ns;
  std::atomic<std::size_t> n_calls{0};
  const Clock& clock = Clock::system();
  const double start_s = clock.now_s();
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < n_threads; ++t)
    threads.emplace_back([&, t] {
      const std::size_t width = bench.model->n_outputs();
      std::vector<double> out(kCallers * width);
      for (std::size_t n = 0; clock.now_s() - start_s < bench.seconds; ++n) {
        std::deque<infer::BatchCall> calls;
        std::atomic<std::size_t> n_ended{0};
        const double before_s = clock.now_s();
        for (std::size_t i = 0; i < kCallers; ++i) {
          calls.emplace_back(infer::BatchRequest{bench.model, bench.rows(977 * t + 64 * n + i,
                                                                         std::span(out).subspan(i * width, width))},
                             [&](infer::BatchCall&) {
                               latency_ns.add_seconds(clock.now_s() - before_s);
                               ++n_ended;
                             });
          batcher.submit(lane, calls.back());
        }
        while (n_ended < kCallers) batcher.run_pending();
        n_calls += kCallers;
      }
    });
  threads.clear();
  const double seconds = clock.now_s() - start_s;
  return {static_cast<double>(n_calls) / seconds, 1e6 * latency_ns.quantile_seconds(0.5),
          1e6 * latency_ns.quantile_seconds(0.99)};
}

void tell(const char* what, const Outcome& outcome, const Outcome& against) {
  std::printf("%-44s %9.0f calls/s  p50 %8.1f us  p99 %9.1f us  %5.2fx calls, %5.2fx p99\n", what, outcome.calls_s,
              outcome.p50_us, outcome.p99_us, outcome.calls_s / against.calls_s, against.p99_us / outcome.p99_us);
}

}  // namespace

int main(int argc, char** argv) try {
  Bench bench{std::make_shared<infer::SessionModel>(infer::Session::open(argv[1])), {},
              argc > 2 ? std::atof(argv[2]) : 2.0};
  bench.cells = random_rows(*bench.model);
  const std::size_t n_cores = Hardware::detect().usable_threads();
  const auto plain = [&](const infer::BatchRows& rows) { bench.model->predict(std::span(&rows, 1)); };
  // Kernels are chosen, and ways, for rows alone and for batches.
  race(bench, 1, plain);
  std::vector<double> outs(kCallers * bench.model->n_outputs());
  std::vector<infer::BatchRows> parts;
  for (std::size_t n = 2; n <= kCallers; n *= 2) {
    parts.clear();
    for (std::size_t i = 0; i < n; ++i)
      parts.push_back(bench.rows(i, std::span(outs).subspan(i * bench.model->n_outputs(), bench.model->n_outputs())));
    double best_s = 1e9;
    for (int repeat = 0; repeat < 200; ++repeat) {
      const double before_s = Clock::system().now_s();
      bench.model->predict(parts);
      best_s = std::min(best_s, Clock::system().now_s() - before_s);
    }
    std::printf("%zu rows at once: %.2f us a row\n", n, 1e6 * best_s / static_cast<double>(n));
  }

  infer::DynamicBatcher batcher({.max_running = n_cores});
  infer::BatchLane& lane = batcher.lane("model");
  const auto batched = [&](const infer::BatchRows& rows) { batcher.predict(lane, {bench.model, rows}); };
  // What the batcher adds to a lone call: calls of a model that costs nothing, with and without it in turn.
  const auto free_model = std::make_shared<FreeModel>();
  infer::BatchLane& free_lane = batcher.lane("free");
  Histogram alone_ns, batched_ns;
  std::vector<data::RowCell> cell(1);
  double out = 0;
  const infer::BatchRows one{cell, 1, std::span(&out, 1)};
  const Clock& clock = Clock::system();
  for (std::size_t i = 0; i < 400'000; ++i) {
    const double before_s = clock.now_s();
    if (i % 2 == 0)
      free_model->predict(std::span(&one, 1));
    else
      batcher.predict(free_lane, {free_model, one});
    (i % 2 == 0 ? alone_ns : batched_ns).add_seconds(clock.now_s() - before_s);
  }
  std::printf("a lone call: the batcher adds p50 %.3f us, p99 %.3f us\n",
              1e6 * (batched_ns.quantile_seconds(0.5) - alone_ns.quantile_seconds(0.5)),
              1e6 * (batched_ns.quantile_seconds(0.99) - alone_ns.quantile_seconds(0.99)));

  const Outcome without = race(bench, kCallers, plain);
  tell("64 threads, no batching", without, without);
  tell("64 threads, batcher", race(bench, kCallers, batched), without);
  infer::DynamicBatcher always({.max_running = n_cores, .handover_s = 0});
  infer::BatchLane& always_lane = always.lane("model");
  tell("64 threads, batcher that always batches", race(bench, kCallers, [&](const infer::BatchRows& rows) {
         always.predict(always_lane, {bench.model, rows});
       }), without);
  tell("64 calls from each thread, submitted", race_submitted(bench, always, always_lane, n_cores), without);
  std::printf("always batching: %.1f rows a batch, occupancy %.2f\n", always.statistics(always_lane).rows_per_batch,
              always.statistics(always_lane).occupancy);
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return exit_code(error.code());
}
