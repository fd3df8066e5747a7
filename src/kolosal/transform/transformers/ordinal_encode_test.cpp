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

TEST(OrdinalEncode, OrdersNumbersByValue) {
  const Frame out =
      fit_all("ordinal_encode", {}, one_column(categories({"10", "9", "-1.5"}, {0, 1, 2, -1, -2})));
  EXPECT_THAT(numbers(out, "x"),
              Pointwise(NanSensitiveDoubleNear(0), std::vector<double>{2, 1, 0, kNaN, kNaN}));
}

TEST(OrdinalEncode, LevelsOutsideTheFittedRowsAreUnseen) {
  const auto step = make_transformer("ordinal_encode", {{"missing_value", -1.0}});
  const Frame x = one_column(categories({"b", "c", "a"}, {0, 1, 2, -1}));
  step->fit(x, std::vector<std::uint32_t>{0, 1}, {}, {"x"}, {});
  EXPECT_THAT(numbers(step->transform(x, {}), "x"), ElementsAre(0, 1, -1, -1));
}

TEST(OrdinalEncode, TranslatesAnotherDictionary) {
  const auto step = make_transformer("ordinal_encode");
  step->fit(one_column(categories({"a", "b"}, {0, 1})), all_rows(2), {}, {"x"}, {});
  const Frame later = one_column(categories({"z", "b", "a"}, {0, 1, 2}));
  EXPECT_THAT(numbers(step->transform(later, {}), "x"),
              Pointwise(NanSensitiveDoubleNear(0), std::vector<double>{kNaN, 1, 0}));
}

}  // namespace
}  // namespace kolosal::transform
