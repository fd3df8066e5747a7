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

TEST(FrequencyEncode, RanksByFrequencyThenByLevel) {
  const Frame x = one_column(categories({"rare", "b", "a", "never"}, {0, 1, 1, 2, 2, -1, -2}));
  EXPECT_THAT(numbers(fit_all("frequency_encode", {}, x), "x"), ElementsAre(2, 1, 1, 0, 0, -1, -1));
  EXPECT_THAT(numbers(fit_all("frequency_encode", {{"method", "count"}}, x), "x"),
              ElementsAre(1, 2, 2, 2, 2, 0, 0));
}

}  // namespace
}  // namespace kolosal::transform
