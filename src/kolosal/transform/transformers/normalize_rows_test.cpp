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

Frame two_columns(std::vector<double> a, std::vector<double> b) {
  return {{"a", "b"}, {Column::from_float64(std::move(a)), Column::from_float64(std::move(b))}};
}

TEST(NormalizeRows, DividesByTheNormOfTheRow) {
  const Frame out = fit_all("normalize_rows", {}, two_columns({3, 0, 1.2e308, kNaN}, {4, 0, -1.6e308, 2}));
  EXPECT_THAT(numbers(out, "a"), Pointwise(NanSensitiveDoubleNear(1e-15), {0.6, 0.0, 0.6, kNaN}));
  EXPECT_THAT(numbers(out, "b"), Pointwise(NanSensitiveDoubleNear(1e-15), {0.8, 0.0, -0.8, 1.0}));
}

TEST(NormalizeRows, InfinitiesStayAndDoNotCount) {
  const Frame out = fit_all("normalize_rows", {{"norm", "l1"}}, two_columns({kInf, -1}, {-4, 3}));
  EXPECT_THAT(numbers(out, "a"), ElementsAre(kInf, -0.25));
  EXPECT_THAT(numbers(out, "b"), ElementsAre(-1, 0.75));
}

}  // namespace
}  // namespace kolosal::transform
