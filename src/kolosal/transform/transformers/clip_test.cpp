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

TEST(Clip, CutsToWhatWasFitted) {
  const auto step = make_transformer("clip");
  step->fit(one_column(Column::from_float64({1, kNaN, 5, kInf})), all_rows(4), {}, {"x"}, {});
  const Frame out = step->transform(one_column(Column::from_float64({0, 3, 9, kNaN, kInf, -kInf})), {});
  EXPECT_THAT(numbers(out, "x"), Pointwise(NanSensitiveDoubleNear(0), {1.0, 3.0, 5.0, kNaN, 5.0, 1.0}));
}

TEST(Clip, CutsToGivenBounds) {
  EXPECT_THAT(made("clip", {{"bounds", "given"}, {"lower", -1.0}}, {-3, 0, 1e308}),
              ElementsAre(-1, 0, 1e308));
  EXPECT_THAT(made("clip", {{"bounds", "given"}}, {-kInf, kInf}), ElementsAre(-kInf, kInf));
  EXPECT_ERROR(make_transformer("clip", {{"lower", 2.0}, {"upper", 1.0}}), kInvalidParameter,
               HasSubstr("lower is above upper: 2 > 1"));
}

}  // namespace
}  // namespace kolosal::transform
