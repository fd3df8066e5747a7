#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

// Agreement with scikit-learn is checked by golden_test.cpp.

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Polynomial, KeepsTheColumnsAndNamesProducts) {
  Frame x = one_column(Column::from_int64({2, 3}), "a");
  x.add("b", Column::from_float64({0.5, kNaN}));
  const Frame out = fit_all("polynomial", {{"degree", std::int64_t{3}}}, x);
  EXPECT_THAT(out.names(), ElementsAre("a", "b", "a^2", "a b", "b^2", "a^3", "a^2 b", "a b^2", "b^3"));
  EXPECT_EQ(out.column("a").type(), data::ColumnType::kInt64);
  EXPECT_THAT(numbers(out, "a^2 b"), Pointwise(NanSensitiveDoubleNear(0), std::vector<double>{2, kNaN}));
}

TEST(Polynomial, WhatIsNoNumberIsMissing) {
  const Frame x = one_column(Column::from_float64({1e200, std::numeric_limits<double>::infinity(), -3}));
  EXPECT_THAT(numbers(fit_all("polynomial", {}, x), "x^2"),
              Pointwise(NanSensitiveDoubleNear(0), std::vector<double>{kNaN, kNaN, 9}));
}

TEST(Polynomial, RefusesTooManyColumns) {
  Frame x = one_column(Column::from_float64({1}), "a");
  x.add("b", Column::from_float64({1}));
  EXPECT_ERROR(fit_all("polynomial", {{"max_columns", std::int64_t{4}}}, x), kInvalidParameter,
               HasSubstr("max_columns = 4"));
  EXPECT_EQ(fit_all("polynomial", {{"max_columns", std::int64_t{5}}}, x).n_columns(), 5U);
}

}  // namespace
}  // namespace kolosal::transform
