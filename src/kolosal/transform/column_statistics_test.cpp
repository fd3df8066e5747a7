#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/column_statistics_internal.hpp"
#include "kolosal/transform/statistics_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Columns that are hard to select in: what a sample of a column tells may be wrong for the whole.
std::vector<double> column(const std::string& kind, std::size_t n) {
  Rng rng(7);
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double at = static_cast<double>(i) / static_cast<double>(n);
    if (kind == "normal") out[i] = rng.normal();
    if (kind == "sorted") out[i] = at;
    if (kind == "constant") out[i] = 3;
    if (kind == "few values") out[i] = static_cast<double>(rng.below(3));
    if (kind == "runs") out[i] = std::floor(at * 50) * (i % 8 == 3 ? 1e6 : 1);
    if (kind == "hidden") out[i] = i % 292 < 10 ? 1e9 + rng.normal() : rng.normal();  // the sample sees 1e9
    if (kind == "huge") out[i] = rng.below(2) ? 1.7e308 : -1.7e308;
    if (kind == "tiny") out[i] = 1e-200 * rng.normal();
    if (kind == "missing") out[i] = kNaN;
    if (rng.below(20) == 0) out[i] = rng.below(3) == 0 ? std::numeric_limits<double>::infinity() : kNaN;
  }
  return out;
}

const char* kKinds[] = {"normal", "sorted", "constant", "few values", "runs",
                        "hidden", "huge",   "tiny",     "missing"};

TEST(ColumnStatistics, QuantilesAreThoseOfTheSortedCells) {
  const std::vector<double> shares = {0, 0.25, 0.5, 0.75, 0.999, 1};
  ThreadPool pool(3);
  Context context;
  context.pool = &pool;
  context.n_threads = 3;
  for (const std::size_t n : {0UL, 1UL, 5UL, 4096UL, 150'000UL}) {
    std::vector<CellSource> sources;
    for (const char* kind : kKinds) sources.emplace_back(Column::from_float64(column(kind, n)));
    for (const std::size_t step : {1UL, 3UL}) {
      std::vector<std::uint32_t> rows;
      for (std::size_t i = 0; i < n; i += step) rows.push_back(static_cast<std::uint32_t>(i));
      const auto got = quantiles_of(sources, rows, shares, context);
      for (std::size_t c = 0; c < sources.size(); ++c) {
        auto cells = finite_cells(sources[c], rows);
        EXPECT_EQ(got[c].count, cells.size());
        for (std::size_t q = 0; q < shares.size(); ++q)
          EXPECT_EQ(got[c].values[q], quantile_of(cells, shares[q]))
              << kKinds[c] << " " << shares[q] << " " << n;
      }
    }
  }
}

TEST(ColumnStatistics, MomentsAreThoseOfTwoPassesInLongDouble) {
  std::vector<CellSource> sources;
  for (const char* kind : kKinds) sources.emplace_back(Column::from_float64(column(kind, 100'003)));
  sources.emplace_back(
      Column::from_float64({1e9 + 1, 1e9 + 2, 1e9 + 3}).take(std::vector<std::uint32_t>(100'003)));
  std::vector<std::uint32_t> rows(100'003);
  std::iota(rows.begin(), rows.end(), 0U);
  const auto got = moments_of(sources, rows, {});
  ThreadPool pool(2);
  Context two;
  two.pool = &pool;
  two.n_threads = 2;
  const auto again = moments_of(sources, rows, two);
  for (std::size_t c = 0; c < sources.size(); ++c) {
    const auto cells = finite_cells(sources[c], rows);
    long double sum = 0, m2 = 0;
    for (const double cell : cells) sum += static_cast<long double>(cell);
    const long double mean = cells.empty() ? 0 : sum / static_cast<long double>(cells.size());
    long double size = 0;
    for (const double cell : cells) {
      m2 += (static_cast<long double>(cell) - mean) * (static_cast<long double>(cell) - mean);
      size = std::max(size, std::abs(static_cast<long double>(cell)));
    }
    EXPECT_EQ(got[c].count, cells.size());
    EXPECT_LE(std::abs(got[c].mean - mean), 1e-14L * size) << c;
    EXPECT_LE(std::abs(got[c].m2 - m2), 1e-12L * m2) << c;
    EXPECT_EQ(got[c].mean, again[c].mean);
    EXPECT_EQ(got[c].m2, again[c].m2);
  }
}

TEST(CellSource, MapsComeOneAfterAnother) {
  const CellMap fill{.kind = CellMap::Kind::kFill, .fill = 4};
  const CellMap scale{.kind = CellMap::Kind::kScale, .centre = 2, .scale = 0.5, .clip = 3};
  const std::vector<CellSource> sources = {CellSource(Column::from_float64({1, kNaN, 10}), {fill, scale}),
                                           CellSource(Column::from_int64({1, 2, 3}), {scale}),
                                           CellSource(Column::from_float64({5, 6, 7}))};
  const auto made = make_columns(sources, {});
  EXPECT_THAT(made[0].float64s(), ::testing::ElementsAre(-2, 3, 3));
  EXPECT_THAT(made[1].float64s(), ::testing::ElementsAre(-2, 0, 2));
  EXPECT_EQ(made[2].float64s().data(), sources[2].column().float64s().data());
  const std::uint32_t rows[] = {0, 2};
  double buffer[2];
  EXPECT_EQ(sources[0].read_rows(rows, buffer)[1], 3);
  EXPECT_EQ(sources[1].read_rows(rows, buffer)[0], -2);
}

}  // namespace
}  // namespace kolosal::transform
