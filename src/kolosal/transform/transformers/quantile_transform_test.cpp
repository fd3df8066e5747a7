#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/testing/matchers.hpp"
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

// What scikit-learn gives is in golden_test.cpp.

TEST(QuantileTransform, RanksWhatSortingGives) {
  EXPECT_THAT(made("quantile_transform", {}, {30, 10, 20, 50, 40}), ElementsAre(0.5, 0, 0.25, 1, 0.75));
}

TEST(QuantileTransform, EqualCellsShareTheMiddleRank) {
  EXPECT_THAT(made("quantile_transform", {}, {1, 2, 2, 2, 5}), ElementsAre(0, 0.5, 0.5, 0.5, 1));
}

TEST(QuantileTransform, EdgesOfTheFittedRange) {
  const auto step = make_transformer("quantile_transform");
  step->fit(one_column(Column::from_float64({0, 1, 2, kNaN, kInf})), all_rows(5), {}, {"x"}, {});
  const Frame out = step->transform(one_column(Column::from_float64({-5, 0.5, 9, kInf, -kInf, kNaN})), {});
  EXPECT_THAT(numbers(out, "x"), Pointwise(NanSensitiveDoubleNear(1e-15), {0.0, 0.25, 1.0, 1.0, 0.0, kNaN}));
}

TEST(QuantileTransform, HugeNumbersDoNotOverflow) {
  EXPECT_THAT(made("quantile_transform", {{"n_quantiles", std::int64_t{2}}}, {-1.7e308, 0, 1.7e308}),
              Pointwise(NanSensitiveDoubleNear(1e-12), {0.0, 0.5, 1.0}));
}

TEST(QuantileTransform, AColumnOfNothingIsInTheMiddle) {
  const auto step = make_transformer("quantile_transform", {{"output_distribution", "normal"}});
  step->fit(one_column(Column::from_float64({kNaN, kNaN})), all_rows(2), {}, {"x"}, {});
  EXPECT_THAT(numbers(step->transform(one_column(Column::from_float64({3, kNaN})), {}), "x"),
              Pointwise(NanSensitiveDoubleNear(0), {0.0, kNaN}));
}

TEST(QuantileTransform, ASampleRanksNearlyAsAllRowsDo) {
  std::vector<double> cells(20'000);
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = static_cast<double>(i * 7919 % 20'000);
  const auto all = made("quantile_transform", {}, cells);
  const auto some = made("quantile_transform", {{"max_rows", std::int64_t{5000}}}, cells);
  double most = 0;
  for (std::size_t i = 0; i < all.size(); ++i) most = std::max(most, std::abs(all[i] - some[i]));
  EXPECT_GT(most, 0);
  EXPECT_LT(most, 0.025);  // Dvoretzky, Kiefer and Wolfowitz: above it with probability below 0.004
}

TEST(QuantileTransform, InverseIsLinearBetweenQuantiles) {
  const auto step = make_transformer("quantile_transform", {{"n_quantiles", std::int64_t{3}}});
  step->fit(one_column(Column::from_float64({0, 10, 30})), all_rows(3), {}, {"x"}, {});
  const Frame back =
      step->inverse_transform(one_column(Column::from_float64({0, 0.25, 0.5, 0.75, 1, 7, kNaN})), {});
  EXPECT_THAT(numbers(back, "x"),
              Pointwise(NanSensitiveDoubleNear(1e-12), {0.0, 5.0, 10.0, 20.0, 30.0, 30.0, kNaN}));
}

}  // namespace
}  // namespace kolosal::transform
