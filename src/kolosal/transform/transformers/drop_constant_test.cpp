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

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(DropConstant, DropsConstantAndEmptyColumns) {
  Frame x({"constant", "empty", "varies", "holes"},
          {Column::from_float64({2, 2, 2}), Column::from_float64({kNaN, kNaN, kNaN}),
           Column::from_int64({1, 1, 2}), Column::from_float64({5, kNaN, 5})});
  x.add("level", categories({"a", "b"}, {1, 1, 1}));
  EXPECT_THAT(fit_all("drop_constant", {}, x).names(), ElementsAre("varies", "holes"));
  EXPECT_THAT(fit_all("drop_constant", {{"missing_is_value", false}}, x).names(), ElementsAre("varies"));
}

TEST(DropConstant, KeepsTheRowsWhenNoColumnIsLeft) {
  const Frame out = fit_all("drop_constant", {}, one_column(Column::from_float64({2, 2, 2})));
  EXPECT_THAT(out.names(), ElementsAre("no_feature"));
  EXPECT_EQ(out.n_rows(), 3U);
}

}  // namespace
}  // namespace kolosal::transform
