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

std::vector<double> made(const std::string& step, const ParamMap& params, std::vector<double> cells) {
  return numbers(fit_all(step, params, one_column(Column::from_float64(std::move(cells)))), "x");
}

TEST(Log1p, IsSymmetricOrMissing) {
  const double e = std::exp(1.0);
  EXPECT_THAT(made("log1p", {}, {0, e - 1, 1 - e, kNaN, kInf, -kInf}),
              Pointwise(NanSensitiveDoubleNear(1e-15), {0.0, 1.0, -1.0, kNaN, kInf, -kInf}));
  EXPECT_THAT(made("log1p", {{"negative", "missing"}}, {e - 1, -0.5, -1, -2}),
              Pointwise(NanSensitiveDoubleNear(1e-15), {1.0, std::log(0.5), kNaN, kNaN}));
}

TEST(Log1p, KeepsFloat32) {
  const Frame out = fit_all("log1p", {}, one_column(Column::from_float32({0, 1})));
  EXPECT_EQ(out.column("x").type(), data::ColumnType::kFloat32);
  EXPECT_THAT(numbers(out, "x"), ElementsAre(0, static_cast<float>(std::log(2.0))));
}

}  // namespace
}  // namespace kolosal::transform
