#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/outlier_bounds_internal.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<double> made(const ParamMap& params, std::vector<double> cells) {
  return numbers(fit_all("outliers", params, one_column(Column::from_float64(std::move(cells)))), "x");
}

TEST(Outliers, ActionsOfTheInterquartileRange) {
  // Quartiles 2 and 4: the bounds are -1 and 7.
  const std::vector<double> cells = {1, 2, 3, 4, 50, kNaN};
  EXPECT_THAT(made({}, cells), Pointwise(NanSensitiveDoubleNear(1e-15), {1.0, 2.0, 3.0, 4.0, 7.0, kNaN}));
  EXPECT_THAT(made({{"action", "winsorize"}}, cells),
              Pointwise(NanSensitiveDoubleNear(0), {1.0, 2.0, 3.0, 4.0, 4.0, kNaN}));
  EXPECT_THAT(made({{"action", "missing"}}, cells),
              Pointwise(NanSensitiveDoubleNear(0), {1.0, 2.0, 3.0, 4.0, kNaN, kNaN}));
  const Frame out = fit_all("outliers", {{"action", "flag"}}, one_column(Column::from_float64(cells)));
  EXPECT_THAT(numbers(out, "x"), Pointwise(NanSensitiveDoubleNear(0), cells));
  EXPECT_THAT(numbers(out, "x_outlier"), ElementsAre(0, 0, 0, 0, 1, 0));
}

TEST(Outliers, InfinitiesAreOutliers) {
  EXPECT_THAT(made({}, {1, 2, 3, 4, kInf, -kInf}), ElementsAre(1, 2, 3, 4, 5.5, -0.5));
}

TEST(Outliers, AMedianDistanceOfZeroTakesTheMeanOne) {
  // |x - 5| has median 0 and mean 2: reach 3.5 * 1.253314 * 2.
  EXPECT_NEAR(made({{"method", "modified_zscore"}}, {5, 5, 5, 5, 5, 5, 5, 5, 5, 25})[9],
              5 + 3.5 * 1.253314 * 2, 1e-12);
}

TEST(Outliers, ConstantAndHugeColumnsHaveNone) {
  EXPECT_THAT(made({{"method", "zscore"}}, {7, 7, 7}), ElementsAre(7, 7, 7));
  EXPECT_THAT(made({{"method", "modified_zscore"}}, {7, 7, 7}), ElementsAre(7, 7, 7));
  EXPECT_THAT(made({}, {-1.7e308, 1.7e308}), ElementsAre(-1.7e308, 1.7e308));
}

TEST(Outliers, NumbersWhoseSquaresOverflowHaveAStandardDeviation) {
  std::vector<double> cells;
  for (int i = 0; i < 20; ++i) cells.push_back(i % 2 ? 1e200 : -1e200);
  cells.push_back(9e201);  // 4.4 deviations from the mean
  const auto got = made({{"method", "zscore"}, {"action", "missing"}}, cells);
  EXPECT_EQ(got[19], 1e200);
  EXPECT_TRUE(std::isnan(got[20]));
}

TEST(Outliers, RefusesAPercentileOfAllRows) {
  EXPECT_ERROR(make_transformer("outliers", {{"method", "percentile"}, {"threshold", 50.0}}),
               kInvalidParameter, HasSubstr("below 50"));
}

// A cloud, and one row far from it in the combination of columns only.
Frame cloud() {
  Rng rng(3);
  std::vector<double> a(300), b(300);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = rng.normal() * 3;
    b[i] = a[i] + rng.normal() * 0.1;
  }
  a[17] = 12, b[17] = -12;
  return {{"a", "b"}, {Column::from_float64(a), Column::from_float64(b)}};
}

TEST(Outliers, TheForestFindsTheRow) {
  const Frame x = cloud();
  const auto scores = numbers(fit_all("outliers", {{"method", "isolation_forest"}, {"action", "flag"}}, x),
                              "isolation_score");
  EXPECT_EQ(std::ranges::max_element(scores) - scores.begin(), 17);
  const ParamMap missing = {{"method", "isolation_forest"}, {"action", "missing"}, {"contamination", 0.01}};
  const Frame out = fit_all("outliers", missing, x);
  EXPECT_EQ(out.column("a").n_missing(), 3U);  // one of a hundred of 300 rows
  EXPECT_TRUE(out.column("a").is_missing(17));
  EXPECT_TRUE(out.column("b").is_missing(17));
  const Frame cut = fit_all("outliers", {{"method", "isolation_forest"}, {"contamination", 0.01}}, x);
  EXPECT_LT(numbers(cut, "a")[17], 12);
  EXPECT_GT(numbers(cut, "b")[17], -12);
}

TEST(Outliers, RowsAreFoundForResamplers) {
  const Frame x = cloud();
  for (const char* method : {"zscore", "isolation_forest"}) {
    OutlierRule rule;
    rule.method = method;
    rule.contamination = 0.004;
    const auto rows = outlier_rows(x, all_rows(300), rule, {});
    EXPECT_EQ(rows[17], 1) << method;
    EXPECT_LT(std::ranges::count(rows, 1), 10) << method;
  }
}

}  // namespace
}  // namespace kolosal::transform
