#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

// Agreement with category_encoders is checked by golden_test.cpp.

namespace kolosal::transform {
namespace {

using data::Frame;
using ::testing::ElementsAre;

TEST(BinaryEncode, WritesTheNumberOfALevelInBinary) {
  // Levels are numbers and in their order: 2, 10, 30 are 1, 2, 3; 99 is on no row. A missing cell is 4.
  const Frame x =
      one_column(categories({"10", "30", "2", "99"}, {2, 0, 1, data::kMissingCode, data::kUnseenCode}));
  const Frame out = fit_all("binary_encode", {}, x);
  EXPECT_THAT(out.names(), ElementsAre("x_0", "x_1", "x_2"));
  EXPECT_THAT(numbers(out, "x_0"), ElementsAre(0, 0, 0, 1, 0));
  EXPECT_THAT(numbers(out, "x_1"), ElementsAre(0, 1, 1, 0, 0));
  EXPECT_THAT(numbers(out, "x_2"), ElementsAre(1, 0, 1, 0, 0));
}

TEST(BinaryEncode, MissingCellsAreZeroWhenTheyAreNoLevel) {
  const Frame x = one_column(categories({"a", "b", "c"}, {0, 1, 2, data::kMissingCode}));
  const Frame out = fit_all("binary_encode", {{"handle_missing", "unknown"}}, x);
  EXPECT_THAT(out.names(), ElementsAre("x_0", "x_1"));
  EXPECT_THAT(numbers(out, "x_0"), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(numbers(out, "x_1"), ElementsAre(1, 0, 1, 0));
}

}  // namespace
}  // namespace kolosal::transform
