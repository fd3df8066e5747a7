#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Case {
  const char* name;
  ParamMap params;
  std::vector<double> want;
};

// time 5 4 3 2 1 6, groups a b a b a (missing), cells - 1 - inf 3 -. Wanted: pandas' ffill and bfill, with
// the infinity replaced by NaN first.
const Case kCases[] = {
    {"rows", {}, {kNaN, 1, 1, 1, 3, 3}},
    {"backward", {{"direction", "backward"}}, {1, 1, 3, 3, 3, kNaN}},
    {"time", {{"order_by", "time"}}, {1, 1, 3, 3, 3, 1}},
    {"groups", {{"group_by", "group"}}, {kNaN, 1, kNaN, 1, 3, kNaN}},
    {"time in groups", {{"order_by", "time"}, {"group_by", "group"}}, {3, 1, 3, kNaN, 3, kNaN}},
    {"backward in groups", {{"direction", "backward"}, {"group_by", "group"}}, {3, 1, 3, kNaN, 3, kNaN}},
    {"limit", {{"limit", std::int64_t{1}}}, {kNaN, 1, 1, kNaN, 3, 3}},
    {"infinities stay", {{"infinities", "keep"}}, {kNaN, 1, 1, kInf, 3, 3}},
};

Frame table() {
  Frame x = one_column(Column::from_float64({kNaN, 1, kNaN, kInf, 3, kNaN}));
  x.add("time", Column::from_int64({5, 4, 3, 2, 1, 6}));
  x.add("group", categories({"a", "b"}, {0, 1, 0, 1, 0, data::kMissingCode}));
  return x;
}

TEST(FillInOrder, IsThatOfPandas) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(numbers(fit_all("fill_in_order", c.params, table()), "x"),
                Pointwise(NanSensitiveDoubleNear(0), c.want));
  }
}

TEST(FillInOrder, FillsAnyType) {
  Frame x = one_column(Column::from_texts({std::nullopt, "one", std::nullopt}));
  x.add("when", Column::from_date({7, 0, 0}, {0b001}));
  const Frame out = fit_all("fill_in_order", {}, x);
  EXPECT_TRUE(out.column("x").is_missing(0));
  EXPECT_EQ(out.column("x").text(2), "one");
  EXPECT_EQ(out.column("when").int64s()[2], 7);
  EXPECT_EQ(out.column("when").n_missing(), 0U);
}

TEST(FillInOrder, RefusesWhatItCanNotOrder) {
  EXPECT_ERROR(fit_all("fill_in_order", {{"order_by", "tim"}}, table()), kInvalidParameter,
               HasSubstr("order_by names column \"tim\""));
  EXPECT_ERROR(fit_all("fill_in_order", {{"order_by", "group"}}, table()), kInvalidParameter,
               HasSubstr("column \"group\" is of type category"));
  EXPECT_ERROR(fit_all("fill_in_order", {{"infinities", "error"}}, table()), kData, HasSubstr("row 3"));
}

}  // namespace
}  // namespace kolosal::transform
