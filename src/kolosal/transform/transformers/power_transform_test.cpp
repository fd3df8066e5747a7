#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/power_internal.hpp"
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

std::vector<double> made(const std::string& step, const ParamMap& params, std::vector<double> cells) {
  return numbers(fit_all(step, params, one_column(Column::from_float64(std::move(cells)))), "x");
}

const std::vector<double> kCells = {-3.2, -1, -0.5, 0, 0.1, 0.7, 1.5, 2.2, 4, 9.5, 0.3, -0.2};

std::vector<double> distances_from(double shift, double sign) {
  std::vector<double> out;
  for (const double cell : kCells) out.push_back(sign * (std::abs(cell) + shift));
  return out;
}

// The same cells many times over have the same best power, which is found in another way.
TEST(PowerTransform, PowersOfManyCellsAreThoseOfAFew) {
  for (const int kind : {0, 1, 2, 3, 4, 5}) {
    Rng rng(static_cast<std::uint64_t>(kind));
    std::vector<double> few(20'000), many;
    for (double& cell : few) {
      cell = rng.normal();
      if (kind == 1) cell = std::exp(cell);
      if (kind == 2)
        cell = rng.below(5000) == 0 ? 1e6 * std::exp(cell) : 0;  // few samples have one that is not 0
      if (kind == 3) cell = -std::exp(2 * cell) - 3;
      if (kind == 4) cell = 10 + cell;
      if (kind == 5) cell = std::exp(50 * cell);
    }
    for (int i = 0; i < 10; ++i) many.insert(many.end(), few.begin(), few.end());
    EXPECT_NEAR(yeo_johnson_lambda(many), yeo_johnson_lambda(few), 1e-6) << kind;
    if (kind == 1 || kind >= 4) {
      EXPECT_NEAR(box_cox_lambda(many), box_cox_lambda(few), 1e-6) << kind;
    }
  }
}

TEST(PowerTransform, PowersAreThoseOfSciPy) {
  // scipy.stats.yeojohnson_normmax and boxcox_normmax(method="mle")
  EXPECT_NEAR(yeo_johnson_lambda(kCells), 0.6063653155068065, 1e-6);
  EXPECT_NEAR(yeo_johnson_lambda(distances_from(0.1, -1)), 2.728880312175101, 1e-6);
  EXPECT_NEAR(yeo_johnson_lambda(distances_from(0.1, 1)), -0.7288802777330058, 1e-6);
  EXPECT_NEAR(box_cox_lambda(distances_from(0.25, 1)), -0.1633055853567162, 1e-6);
}

TEST(PowerTransform, FarAndHugeNumbersHaveAPower) {
  EXPECT_EQ(yeo_johnson_lambda(std::vector<double>{7, 7, 7}), 1);
  EXPECT_EQ(box_cox_lambda(std::vector<double>{7, 7, 7}), 1);
  EXPECT_TRUE(std::isfinite(yeo_johnson_lambda(std::vector<double>{-1.7e308, 1.7e308, 0})));
  EXPECT_TRUE(std::isfinite(box_cox_lambda(std::vector<double>{1e-300, 1, 1.7e308})));
}

TEST(PowerTransform, StandardizedColumnsHaveMeanZeroAndDeviationOne) {
  const Spread spread = spread_of(made("power_transform", {}, kCells));
  EXPECT_NEAR(spread.mean, 0, 1e-14);
  EXPECT_NEAR(spread.deviation, 1, 1e-14);
}

TEST(PowerTransform, BoxCoxRefusesWhatIsNotPositive) {
  const ParamMap params = {{"method", "box_cox"}};
  EXPECT_ERROR(made("power_transform", params, {1, 2, -3}), kData, HasSubstr("column \"x\" has -3"));
  const auto step = make_transformer("power_transform", params);
  step->fit(one_column(Column::from_float64({1, 2, 4})), all_rows(3), {}, {"x"}, {});
  const Frame x = one_column(Column::from_float64({2, 0, -1, kNaN, 8}));
  const Frame out = step->transform(x, {});
  EXPECT_EQ(out.column("x").n_missing(), 3U);
  EXPECT_THAT(numbers(step->inverse_transform(out, {}), "x"),
              Pointwise(NanSensitiveDoubleNear(1e-12), {2.0, kNaN, kNaN, kNaN, 8.0}));
}

}  // namespace
}  // namespace kolosal::transform
