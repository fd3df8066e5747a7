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

TEST(Impute, InfinitiesAreTreatedAsAsked) {
  const Frame x = one_column(Column::from_float64({1, kInf, 3, kNaN, -kInf, 5}));
  const auto fill = [&](const char* how) {
    return fit_all("impute", {{"strategy", "mean"}, {"indicator", true}, {"infinities", how}}, x);
  };
  EXPECT_THAT(numbers(fill("keep"), "x"), ElementsAre(1, kInf, 3, 3, -kInf, 5));
  EXPECT_THAT(numbers(fill("clip"), "x"), ElementsAre(1, 5, 3, 3, 1, 5));
  EXPECT_THAT(numbers(fill("clip"), "x_missing"), ElementsAre(0, 0, 0, 1, 0, 0));
  EXPECT_ERROR(fill("error"), kData, ::testing::AllOf(HasSubstr("\"x\""), HasSubstr("row 1")));

  // A column with infinite cells alone has no missing ones, unless they are.
  const Frame infinite = one_column(Column::from_float64({1, kInf}));
  EXPECT_EQ(fit_all("impute", {{"indicator", true}, {"infinities", "keep"}}, infinite).n_columns(), 1U);
  EXPECT_EQ(fit_all("impute", {{"indicator", true}}, infinite).n_columns(), 2U);

  const Frame floats = one_column(Column::from_float32({1.0F, -std::numeric_limits<float>::infinity()}));
  const Frame out = fit_all("impute", {{"infinities", "clip"}}, floats);
  EXPECT_EQ(out.column(0).type(), data::ColumnType::kFloat32);
  EXPECT_THAT(numbers(out, "x"), ElementsAre(1, 1));
}

TEST(Impute, RefusesInfinitiesOfABatch) {
  const auto step = make_transformer("impute", {{"infinities", "error"}});
  step->partial_fit(one_column(Column::from_float64({1, 2})), {}, {"x"}, {});
  EXPECT_ERROR(step->partial_fit(one_column(Column::from_float64({1, kInf})), {}, {"x"}, {}), kData,
               HasSubstr("\"x\""));
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
