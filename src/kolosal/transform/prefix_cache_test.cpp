#include "kolosal/transform/prefix_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "kolosal/core/testing/fake_clock.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/data/fingerprint.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;

constexpr std::size_t kRows = 500;

Frame table(double shift = 0) {
  std::vector<double> age(kRows);
  std::vector<std::int32_t> town(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    age[i] = i % 7 == 0 ? std::nan("") : static_cast<double>(i % 50) + shift;
    town[i] = static_cast<std::int32_t>(i % 3);
  }
  Frame out = one_column(Column::from_float64(age), "age");
  out.add("town", categories({"a", "b", "c"}, town));
  return out;
}

const data::TargetView& target() {
  static const std::vector<double> values = [] {
    std::vector<double> out(kRows);
    for (std::size_t i = 0; i < kRows; ++i) out[i] = static_cast<double>(i % 2);
    return out;
  }();
  static const data::TargetView view{data::Task::kBinary, values, {}, 2};
  return view;
}

const std::vector<StepSpec> kSteps = {StepSpec("impute", {{"indicator", true}}), StepSpec("target_encode"),
                                      StepSpec("scale")};

Frame fit(PrefixCache& cache, std::vector<StepSpec> steps, const Frame& x = table(), Context context = {}) {
  Recipe recipe(std::move(steps));
  const auto rows = all_rows(x.n_rows());
  return cache.fit_transform(recipe, x, rows, target(), PrefixCache::fingerprint_of(x, rows, target()),
                             context);
}

TEST(PrefixCache, GivesWhatTheRecipeAloneGivesFirstAndLater) {
  PrefixCache cache(1 << 20);
  const auto rows = all_rows(kRows);
  Recipe alone(kSteps);
  const Frame want = alone.fit_transform(table(), rows, target(), {});
  for (int round = 0; round < 2; ++round) {
    Recipe recipe(kSteps);
    const Frame got = cache.fit_transform(recipe, table(), rows, target(),
                                          PrefixCache::fingerprint_of(table(), rows, target()), {});
    EXPECT_EQ(got.names(), want.names());
    EXPECT_EQ(data::fingerprint(got), data::fingerprint(want));
    EXPECT_EQ(data::fingerprint(recipe.transform(table(3), {})),
              data::fingerprint(alone.transform(table(3), {})));
    EXPECT_EQ(recipe.to_json(), alone.to_json());
  }
  EXPECT_EQ(cache.counters().misses, 3U);
  EXPECT_EQ(cache.counters().hits, 3U);
}

TEST(PrefixCache, RecipesThatStartAlikeShareTheirStart) {
  PrefixCache cache(1 << 20);
  fit(cache, kSteps);
  auto other = kSteps;
  other[2] = StepSpec("scale", {{"method", "robust"}});
  fit(cache, other);
  EXPECT_EQ(cache.counters().hits, 2U);
  EXPECT_EQ(cache.counters().entries, 4U);
}

TEST(PrefixCache, WhateverAFitDependsOnMakesItAnother) {
  PrefixCache cache(1 << 20);
  fit(cache, kSteps);
  fit(cache, kSteps, table(1));
  fit(cache, kSteps, table(), Context{.seed = 1});
  auto keeping = kSteps;
  keeping[0].select.keep = true;
  fit(cache, keeping);
  auto named = kSteps;
  named[0].select.names = {"age"};
  fit(cache, named);
  Recipe recipe(kSteps);
  const auto rows = all_rows(kRows - 1);
  cache.fit_transform(recipe, table(), rows, target(), PrefixCache::fingerprint_of(table(), rows, target()),
                      {});
  EXPECT_EQ(cache.counters().hits, 0U);
  EXPECT_EQ(cache.counters().misses, 18U);
}

TEST(PrefixCache, CountsColumnsThatAreSharedOnce) {
  PrefixCache cache(1 << 20);
  fit(cache, {StepSpec("scale"), StepSpec("frequency_encode")});
  // age as float64, then the town as float32 beside the same age.
  EXPECT_EQ(cache.counters().bytes, kRows * (sizeof(double) + sizeof(float)));
}

TEST(PrefixCache, KeepsToItsLimitAndTimeToLive) {
  FakeClock clock;
  PrefixCache small(kRows * sizeof(double), 60, clock);
  for (int i = 0; i < 5; ++i) fit(small, {StepSpec("scale")}, table(i));
  EXPECT_EQ(small.counters().entries, 1U);
  EXPECT_EQ(small.counters().evictions, 4U);
  fit(small, {StepSpec("scale")}, table(4));
  EXPECT_EQ(small.counters().hits, 1U);
  clock.advance(61);
  fit(small, {StepSpec("scale")}, table(4));
  EXPECT_EQ(small.counters().hits, 1U);
  EXPECT_EQ(small.counters().expirations, 1U);
  small.clear();
  EXPECT_EQ(small.counters().bytes, 0U);
}

TEST(PrefixCache, AFailingStepIsNotKept) {
  PrefixCache cache(1 << 20);
  for (int i = 0; i < 2; ++i)
    EXPECT_ERROR(fit(cache, {StepSpec("scale", {}, {"numeric", {"town"}})}), kData,
                 ::testing::HasSubstr("town"));
  EXPECT_EQ(cache.counters().entries, 0U);
}

TEST(PrefixCache, ManyThreadsGetTheSame) {
  PrefixCache cache(1 << 20);
  std::vector<std::uint64_t> seen(4);
  std::vector<std::jthread> threads;
  for (auto& mine : seen) threads.emplace_back([&] { mine = data::fingerprint(fit(cache, kSteps)); });
  threads.clear();
  EXPECT_THAT(seen, ::testing::Each(seen[0]));
  EXPECT_EQ(cache.counters().entries, 3U);
}

}  // namespace
}  // namespace kolosal::transform
