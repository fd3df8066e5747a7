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
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Case {
  const char* name;
  ParamMap params;
  std::vector<double> column, want;
};

// The wanted values were checked with NumPy's nanmean and nanstd, and by hand for the edges.
const Case kCases[] = {
    {"plain", {}, {1, 2, 3, 4}, {-1.3416407865, -0.4472135955, 0.4472135955, 1.3416407865}},
    {"constant", {}, {7, 7, 7}, {0, 0, 0}},
    {"constant with rounding", {}, {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, {0, 0, 0, 0, 0, 0, 0}},
    {"missing", {}, {1, kNaN, 3}, {-1, kNaN, 1}},
    {"far from zero", {}, {1e9 + 1, 1e9 + 2, 1e9 + 3}, {-1.2247448714, 0, 1.2247448714}},
    {"huge", {}, {1.7e308, -1.7e308}, {1, -1}},
    {"maxabs", {{"method", "maxabs"}}, {-4, 1, 0, kNaN}, {-1, 0.25, 0, kNaN}},
    {"huge minmax", {{"method", "minmax"}}, {1e308, 0, 5e307}, {1, 0, 0.5}},
    {"minmax to a range",
     {{"method", "minmax"}, {"range_low", -1.0}, {"range_high", 3.0}},
     {0, 1, 4},
     {-1, 0, 3}},
    {"a constant is at the low end", {{"method", "minmax"}, {"range_low", -1.0}}, {7, 7}, {-1, -1}},
    {"robust of other quantiles",
     {{"method", "robust"}, {"quantile_low", 0.0}, {"quantile_high", 100.0}},
     {1, 2, 3, 11},
     {-0.15, -0.05, 0.05, 0.85}},
    {"infinities are not learned from", {{"clip", 3.0}}, {1, 3, kInf, -kInf}, {-1, 1, 3, -3}},
    {"clip keeps missing", {{"clip", 1.0}}, {1, 2, 3, kNaN}, {-1, 0, 1, kNaN}},
    {"robust of a nearly constant column", {{"method", "robust"}}, {2, 2, 2, 2, 9}, {0, 0, 0, 0, 7}},
    {"nothing there", {}, {kNaN, kNaN}, {kNaN, kNaN}},
};

TEST(Scale, MatchesNumPy) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(numbers(fit_all("scale", c.params, one_column(Column::from_float64(c.column))), "x"),
                Pointwise(NanSensitiveDoubleNear(1e-9), c.want));
  }
}

TEST(Scale, KeepsFloat32) {
  const Frame out = fit_all("scale", {}, one_column(Column::from_float32({1, 3})));
  EXPECT_EQ(out.column("x").type(), data::ColumnType::kFloat32);
  EXPECT_THAT(numbers(out, "x"), ElementsAre(-1, 1));
}

TEST(Scale, RefusesRangesWithoutWidth) {
  EXPECT_ERROR(make_transformer("scale", {{"quantile_low", 80.0}}), kInvalidParameter,
               ::testing::AllOf(::testing::HasSubstr("quantile_low"), ::testing::HasSubstr("80")));
  EXPECT_ERROR(make_transformer("scale", {{"range_low", 1.0}}), kInvalidParameter,
               ::testing::HasSubstr("range_high"));
}

}  // namespace
}  // namespace kolosal::transform
