#include <benchmark/benchmark.h>

#include <memory>

#include "kolosal/core/random.hpp"
#include "kolosal/profile/cell_keys_internal.hpp"
#include "kolosal/profile/column_summary_internal.hpp"
#include "kolosal/profile/profile.hpp"
#include "kolosal/profile/rows_internal.hpp"

namespace kolosal::profile {
namespace {

/// 20 floats (a fifth with 5 % missing), 4 ints, 5 categories and a binary target.
data::Frame table(std::size_t n) {
  data::Frame out;
  Rng rng(1);
  for (std::size_t c = 0; c < 20; ++c) {
    std::vector<double> values(n);
    for (double& v : values) v = c % 5 == 0 && rng.uniform() < 0.05 ? kNoNumber : rng.normal();
    out.add(fmt::format("n{}", c), data::Column::from_float64(std::move(values)));
  }
  for (std::size_t c = 0, range = 100; c < 4; ++c, range *= 10) {
    std::vector<std::int64_t> values(n);
    for (auto& v : values) v = static_cast<std::int64_t>(rng.below(range));
    out.add(fmt::format("i{}", c), data::Column::from_int64(std::move(values)));
  }
  for (const std::int32_t k : {5, 50, 500, 5000, 20}) {
    std::vector<std::string> levels;
    for (std::int32_t i = 0; i < k; ++i) levels.push_back(fmt::format("level {}", i));
    std::vector<std::int32_t> codes(n);
    for (auto& code : codes) code = static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(k)));
    out.add(fmt::format("c{}", k),
            data::Column::from_category(std::move(codes), std::make_shared<const data::Dictionary>(levels)));
  }
  std::vector<std::int64_t> target(n);
  for (auto& v : target) v = rng.uniform() < 0.3;
  out.add("label", data::Column::from_int64(std::move(target)));
  return out;
}

const data::Frame& million() {
  static const data::Frame out = table(1'000'000);
  return out;
}

void ProfileTable(benchmark::State& state) {
  ThreadPool pool(2);
  Context context;
  context.pool = &pool;
  context.n_threads = 2;
  million();
  for (auto _ : state) benchmark::DoNotOptimize(profile_table(million(), {.target = "label"}, context));
}
BENCHMARK(ProfileTable)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();

void ProfileTableWithoutRelations(benchmark::State& state) {
  million();
  for (auto _ : state)
    benchmark::DoNotOptimize(profile_table(million(), {.associations = false, .plots = false}, {}));
}
BENCHMARK(ProfileTableWithoutRelations)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

void SummarizeColumn(benchmark::State& state) {
  const data::Column& column = million().column(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    ColumnProfile out;
    summarize_column(column, {}, kExactRows, out);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(SummarizeColumn)
    ->ArgName("column")
    ->Arg(0)
    ->Arg(1)
    ->Arg(20)
    ->Arg(23)
    ->Arg(26)
    ->Unit(benchmark::kMillisecond);

void CountRepeatedRows(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(count_repeated_rows(million(), 29, {}));
}
BENCHMARK(CountRepeatedRows)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kolosal::profile
