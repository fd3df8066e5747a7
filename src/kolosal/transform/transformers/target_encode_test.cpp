#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::ElementsAre;
using ::testing::Pointwise;

struct Table {
  Frame x;
  std::vector<double> values;
};

// Every level is on one row only: an encoding that leaks would be the target itself.
Table singletons(std::size_t n) {
  std::vector<std::string> levels;
  std::vector<std::int32_t> codes;
  Table out;
  for (std::size_t i = 0; i < n; ++i) {
    levels.push_back("level " + std::to_string(i));
    codes.push_back(static_cast<std::int32_t>(i));
    out.values.push_back(i % 2 ? 1.0 : 0.0);
  }
  out.x = one_column(categories(levels, codes));
  return out;
}

TEST(TargetEncode, AFittedRowNeverSeesItsOwnTarget) {
  const Table table = singletons(200);
  const TargetView y{Task::kBinary, table.values, {}, 2};
  for (const char* method : {"m_estimate", "empirical_bayes"}) {
    const auto step = make_transformer("target_encode", {{"method", method}, {"smoothing", 0.0}});
    const auto got = numbers(step->fit_transform(table.x, all_rows(200), y, {"x"}, {}), "x_target");
    // All it can know is the mean of the other folds, which are stratified: 0.5.
    for (const double value : got) EXPECT_NEAR(value, 0.5, 1e-12);
    if (std::string(method) == "m_estimate") {
      EXPECT_EQ(numbers(step->transform(table.x, {}), "x_target")[1], 1.0);
    }
  }
}

TEST(TargetEncode, ChangingATargetDoesNotChangeItsOwnEncoding) {
  std::vector<std::int32_t> codes;
  std::vector<double> values;
  for (int i = 0; i < 120; ++i) codes.push_back(i % 4), values.push_back(i % 7 * 1.5);
  const Frame x = one_column(categories({"a", "b", "c", "d"}, codes));
  const auto encode = [&] {
    return numbers(make_transformer("target_encode")
                       ->fit_transform(x, all_rows(120), {Task::kRegression, values, {}, 0}, {"x"}, {}),
                   "x_target");
  };
  const auto before = encode();
  values[17] = 1000;
  const auto after = encode();
  EXPECT_NEAR(after[17], before[17], 1e-9);
  int n_changed = 0;
  for (std::size_t i = 0; i < 120; ++i) n_changed += std::abs(after[i] - before[i]) > 1e-9;
  EXPECT_GT(n_changed, 80);  // rows of the other folds
}

TEST(TargetEncode, RowsThatAreNotFittedGetTheFullFit) {
  Table table = singletons(50);
  const TargetView y{Task::kBinary, table.values, {}, 2};
  const auto step = make_transformer("target_encode");
  std::vector<std::uint32_t> rows(40);
  std::iota(rows.begin(), rows.end(), 0U);
  const auto both = numbers(step->fit_transform(table.x, rows, y, {"x"}, {}), "x_target");
  const auto full = numbers(step->transform(table.x, {}), "x_target");
  for (std::size_t i = 40; i < 50; ++i) EXPECT_EQ(both[i], full[i]);
  EXPECT_NE(both[1], full[1]);
}

TEST(TargetEncode, FoldsDependOnTheSeedAlone) {
  std::vector<std::int32_t> codes;
  std::vector<double> values;
  for (int i = 0; i < 90; ++i) codes.push_back(i % 5), values.push_back(i * i % 31);
  const Frame x = one_column(categories({"a", "b", "c", "d", "e"}, codes));
  const TargetView y{Task::kRegression, values, {}, 0};
  const auto encode = [&](std::uint64_t seed) {
    return numbers(make_transformer("target_encode")
                       ->fit_transform(x, all_rows(90), y, {"x"}, Context{}.with_seed(seed)),
                   "x_target");
  };
  EXPECT_EQ(encode(1), encode(1));
  EXPECT_NE(encode(1), encode(2));
}

TEST(TargetEncode, RowWeightsCountLikeRepeatedRows) {
  const std::vector<double> weights = {3, 1, 1}, values = {1, 0, 0}, repeated = {1, 1, 1, 0, 0};
  const Frame x = one_column(categories({"a", "b"}, {0, 0, 1}));
  const Frame long_x = one_column(categories({"a", "b"}, {0, 0, 0, 0, 1}));
  const auto weighted =
      numbers(fit_all("target_encode", {}, x, {Task::kBinary, values, weights, 2}), "x_target");
  const auto plain =
      numbers(fit_all("target_encode", {}, long_x, {Task::kBinary, repeated, {}, 2}), "x_target");
  EXPECT_NEAR(weighted[0], plain[0], 1e-12);
  EXPECT_NEAR(weighted[2], plain[4], 1e-12);
}

TEST(TargetEncode, MinLevelsKeepCountsAndMaxClasses) {
  Frame x =
      one_column(categories({"a", "b", "c"}, {0, 1, 2, 0, data::kMissingCode, data::kUnseenCode}), "big");
  x.add("small", categories({"u", "v"}, {0, 1, 0, 1, 0, 1}));
  const std::vector<double> values = {0, 1, 2, 3, 3, 1};
  const Frame out = fit_all(
      "target_encode",
      {{"min_levels", std::int64_t{3}}, {"keep", true}, {"counts", true}, {"max_classes", std::int64_t{2}}},
      x, {Task::kMulticlass, values, {}, 4});
  EXPECT_THAT(out.names(), ElementsAre("big", "big_target_1", "big_target_3", "big_log_count", "small"));
  EXPECT_THAT(
      numbers(out, "big_log_count"),
      Pointwise(NanSensitiveDoubleNear(1e-6),
                std::vector<double>{std::log(3), std::log(2), std::log(2), std::log(3), std::log(2), 0}));
}

TEST(TargetEncode, OrderedRowsSeeOnlyThoseBeforeThem) {
  // One level, targets 1, 2, 4, ...: whichever the order, the encodings tell sums of the rows before.
  std::vector<double> values;
  for (int i = 0; i < 12; ++i) values.push_back(std::ldexp(1.0, i));
  const Frame x = one_column(categories({"a"}, std::vector<std::int32_t>(12, 0)));
  const auto got =
      numbers(make_transformer("target_encode", {{"training", "ordered"}, {"smoothing", 1.0}})
                  ->fit_transform(x, all_rows(12), {Task::kRegression, values, {}, 0}, {"x"}, {}),
              "x_target");
  const double prior = 4095.0 / 12;
  std::vector<std::size_t> n_before;
  for (std::size_t i = 0; i < 12; ++i) {
    // (sum + prior) / (n + 1) with a whole sum of n different powers of 2, never the own one.
    bool found = false;
    for (std::size_t n = 0; n < 12 && !found; ++n) {
      const double sum = got[i] * static_cast<double>(n + 1) - prior;
      const double whole = std::round(sum);
      const auto bits = static_cast<unsigned>(whole);
      found = whole >= 0 && std::abs(sum - whole) < 1e-6 &&
              static_cast<std::size_t>(std::popcount(bits)) == n && !(bits >> i & 1);
      if (found) n_before.push_back(n);
    }
    EXPECT_TRUE(found) << got[i];
  }
  std::ranges::sort(n_before);
  EXPECT_EQ(n_before, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

}  // namespace
}  // namespace kolosal::transform
