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
constexpr double kInf = std::numeric_limits<double>::infinity();

Frame holes() {
  Frame x({"a", "whole"}, {Column::from_float64({1, kNaN, kInf}), Column::from_float64({1, 2, 3})});
  x.add("colour", categories({"red"}, {0, data::kUnseenCode, data::kMissingCode}));
  return x;
}

TEST(MissingIndicator, TellsWhereCellsAreMissing) {
  const Frame out = fit_all("missing_indicator", {}, holes());
  EXPECT_THAT(out.names(), ElementsAre("a", "whole", "colour", "a_missing", "colour_missing"));
  EXPECT_THAT(numbers(out, "a_missing"), ElementsAre(0, 1, 1));
  EXPECT_THAT(numbers(out, "colour_missing"), ElementsAre(0, 1, 1));
  EXPECT_TRUE(std::isnan(numbers(out, "a")[1]));
}

TEST(MissingIndicator, TakesAllColumnsAndLeavesInfinitiesWhenAsked) {
  const Frame out = fit_all("missing_indicator", {{"features", "all"}, {"infinities", false}}, holes());
  EXPECT_THAT(numbers(out, "a_missing"), ElementsAre(0, 1, 0));
  EXPECT_THAT(numbers(out, "whole_missing"), ElementsAre(0, 0, 0));
}

}  // namespace
}  // namespace kolosal::transform
