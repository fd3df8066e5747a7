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

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Impute, CountsInfinitiesAsMissing) {
  const Frame out = fit_all("impute", {{"strategy", "mean"}, {"indicator", true}},
                            one_column(Column::from_float64({1, kInf, 3, kNaN, -kInf, 5})));
  EXPECT_THAT(numbers(out, "x"), ElementsAre(1, 3, 3, 3, 3, 5));
  EXPECT_THAT(numbers(out, "x_missing"), ElementsAre(0, 1, 0, 1, 1, 0));
}

TEST(Impute, HugeNumbersDoNotOverflow) {
  const Frame x = one_column(Column::from_float64({1.5e308, 1.7e308, kNaN, 1.6e308, 1.6e308}));
  EXPECT_DOUBLE_EQ(numbers(fit_all("impute", {{"strategy", "mean"}}, x), "x")[2], 1.6e308);
  EXPECT_DOUBLE_EQ(numbers(fit_all("impute", {{"strategy", "median"}}, x), "x")[2], 1.6e308);
}

TEST(Impute, FillsAColumnWithoutNumbersWithTheConstant) {
  const Frame x = one_column(Column::from_float64({kNaN, kNaN}));
  EXPECT_THAT(numbers(fit_all("impute", {{"strategy", "mean"}, {"fill_value", -1.0}}, x), "x"),
              ElementsAre(-1, -1));
}

TEST(Impute, GivesMissingAndUnseenCategoriesALevel) {
  const Frame x = one_column(categories({"a", "b"}, {0, 1, 1, data::kMissingCode, data::kUnseenCode}));
  const Frame own = fit_all("impute", {}, x);
  EXPECT_EQ(own.column("x").cell_text(3), "(missing)");
  EXPECT_EQ(own.column("x").cell_text(4), "(missing)");
  EXPECT_EQ(own.column("x").n_missing(), 0U);
  const Frame frequent = fit_all("impute", {{"category_strategy", "most_frequent"}}, x);
  EXPECT_THAT(frequent.column("x").codes(), ElementsAre(0, 1, 1, 1, 1));
}

TEST(Impute, RefusesText) {
  const auto step = make_transformer("impute");
  EXPECT_ERROR(step->fit(one_column(Column::from_texts({"a", "b"}), "notes"), all_rows(2), {}, {"notes"}, {}),
               kData, HasSubstr("\"notes\" of type text"));
}

TEST(Impute, RefusesAnUnknownStrategy) {
  EXPECT_ERROR(make_transformer("impute", {{"strategy", "mode"}}), kInvalidParameter,
               HasSubstr("most_frequent"));
}

}  // namespace
}  // namespace kolosal::transform
