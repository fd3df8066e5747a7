#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

// Agreement with scikit-learn is checked by golden_test.cpp.

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

double sum_of_row(const Frame& x, std::size_t row) {
  double sum = 0;
  for (std::size_t c = 0; c < x.n_columns(); ++c) sum += x.column(c).number(row);
  return sum;
}

TEST(Splines, AddUpToOneAtAnyScaleAndAnyKnots) {
  // Scales near the limits of double; many equal cells put several quantile knots on one place.
  for (const double scale : {1.0, 1e-310, 1e306, 1e-12})
    for (const char* knots : {"uniform", "quantile"})
      for (const char* extrapolation : {"constant", "linear", "continue", "periodic"}) {
        SCOPED_TRACE(fmt::format("{} {} {}", scale, knots, extrapolation));
        std::vector<double> cells;
        for (int i = 0; i < 40; ++i) cells.push_back(scale * (i < 25 ? 0 : i * i % 100));
        const Frame out = fit_all("splines", {{"knots", knots}, {"extrapolation", extrapolation}},
                                  one_column(Column::from_float64(cells)));
        ASSERT_EQ(out.n_columns(), std::string_view(extrapolation) == "periodic" ? 4U : 7U);
        for (std::size_t row = 0; row < 40; ++row) EXPECT_NEAR(sum_of_row(out, row), 1, 1e-9) << row;
      }
}

TEST(Splines, MissingAndInfiniteCellsAreNaNOrZero) {
  const Frame x = one_column(Column::from_float64({1, 2, 3, kNaN, kInf}));
  const Frame nan = fit_all("splines", {}, x), zero = fit_all("splines", {{"missing", "zero"}}, x);
  for (const std::size_t row : {3, 4}) {
    EXPECT_TRUE(std::isnan(sum_of_row(nan, row)));
    EXPECT_EQ(sum_of_row(zero, row), 0);
  }
  EXPECT_NEAR(sum_of_row(zero, 1), 1, 1e-12);
}

TEST(Splines, AConstantColumnPassesUntouched) {
  EXPECT_THAT(fit_all("splines", {}, one_column(Column::from_float64({4, 4, kNaN}))).names(),
              ElementsAre("x"));
}

TEST(Splines, PeriodicOnesNeedMoreKnotsThanTheirDegree) {
  EXPECT_ERROR(make_transformer("splines", {{"extrapolation", "periodic"}, {"n_knots", std::int64_t{3}}}),
               kInvalidParameter, HasSubstr("3 and 3"));
}

}  // namespace
}  // namespace kolosal::transform
