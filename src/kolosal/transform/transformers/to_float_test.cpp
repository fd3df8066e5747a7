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

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(ToFloat, KeepsDoubleWhereFloatWouldLose) {
  using data::ColumnType;
  const std::vector<std::pair<Column, ColumnType>> cases = {
      {Column::from_bool({0, 1}), ColumnType::kFloat32},
      {Column::from_int64({1, 1 << 24}), ColumnType::kFloat32},
      {Column::from_int64({1, (1 << 24) + 1}), ColumnType::kFloat64},
      {Column::from_int64({0, 1LL << 40}), ColumnType::kFloat32},  // large but exact
      {Column::from_float64({0.1, 0.7, kNaN}), ColumnType::kFloat32},
      {Column::from_float64({17979.123456, 17980.5}),
       ColumnType::kFloat64},  // days since 1970: a small range far from 0
      {Column::from_float64({0, 1e308}), ColumnType::kFloat64},
      {Column::from_float64({1, kInf}), ColumnType::kFloat32},
      {Column::from_float32({1, 2}), ColumnType::kFloat32},
  };
  for (const auto& [column, type] : cases)
    EXPECT_EQ(fit_all("to_float", {}, one_column(column)).column("x").type(), type) << column.cell_text(1);
}

TEST(ToFloat, CutsLaterNumbersToItsRange) {
  const auto step = make_transformer("to_float");
  step->fit(one_column(Column::from_float64({1, 2})), all_rows(2), {}, {"x"}, {});
  const auto got = numbers(step->transform(one_column(Column::from_float64({1e300, -kInf})), {}), "x");
  EXPECT_EQ(got[0], static_cast<double>(std::numeric_limits<float>::max()));
  EXPECT_EQ(got[1], -kInf);
}

}  // namespace
}  // namespace kolosal::transform
