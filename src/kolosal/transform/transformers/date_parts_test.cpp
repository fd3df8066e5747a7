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
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(DateParts, MatchesTheCalendar) {
  // 2024-02-29 23:59:58.5 (a Thursday), 1969-12-31 00:00 (Wednesday), 2000-03-01 12:30 (Wednesday); by
  // Python's datetime.
  const std::vector<std::int64_t> moments = {1'709'251'198 * kSecond + kSecond / 2, -86'400 * kSecond,
                                             951'913'800 * kSecond};
  const Frame out = fit_all(
      "date_parts",
      {{"parts", "year,month,day,weekday,hour,minute,second,day_of_year,epoch"}, {"drop_constant", false}},
      one_column(Column::from_timestamp(moments), "t"));
  EXPECT_THAT(numbers(out, "t_year"), ElementsAre(2024, 1969, 2000));
  EXPECT_THAT(numbers(out, "t_month"), ElementsAre(2, 12, 3));
  EXPECT_THAT(numbers(out, "t_day"), ElementsAre(29, 31, 1));
  EXPECT_THAT(numbers(out, "t_weekday"), ElementsAre(3, 2, 2));
  EXPECT_THAT(numbers(out, "t_hour"), ElementsAre(23, 0, 12));
  EXPECT_THAT(numbers(out, "t_minute"), ElementsAre(59, 0, 30));
  EXPECT_THAT(numbers(out, "t_second"), ElementsAre(58, 0, 0));
  EXPECT_THAT(numbers(out, "t_day_of_year"), ElementsAre(60, 365, 61));
  EXPECT_THAT(numbers(out, "t_epoch"),
              Pointwise(NanSensitiveDoubleNear(1e-15),
                        std::vector<double>{1'709'251'198.5 / 86'400, -1, 951'913'800.0 / 86'400}));
}

TEST(DateParts, LeavesOutConstantPartsAndTimesOfDates) {
  const Frame out = fit_all("date_parts", {{"cyclic", true}},
                            one_column(Column::from_date({0, 86'400 * kSecond, 3 * 86'400 * kSecond}), "d"));
  EXPECT_THAT(out.names(),
              ElementsAre("d_day", "d_weekday", "d_day_of_year", "d_epoch", "d_day_sin", "d_day_cos"));
}

TEST(DateParts, DifferencesAreSecondsAndMissingWhereEitherIs) {
  data::Bitmap valid = data::all_present(3);
  data::clear_bit(valid.data(), 2);
  Frame x = one_column(Column::from_timestamp({0, 10 * kSecond, 5}), "pickup");
  x.add("dropoff", Column::from_timestamp({61 * kSecond + kSecond / 4, 7 * kSecond, 9}, valid));
  const Frame out = fit_all("date_parts", {{"differences", true}}, x);
  EXPECT_THAT(numbers(out, "dropoff_minus_pickup_seconds"),
              Pointwise(NanSensitiveDoubleNear(1e-12), std::vector<double>{61.25, -3, kNaN}));
}

TEST(DateParts, WeeksWeekendsAndEndsOfMonths) {
  // 2020-12-31 (Thursday), 2021-01-01 (Friday), 2021-01-04 (Monday), 2024-02-29, 2024-12-30 (Monday),
  // 2023-01-01 (Sunday); weeks by Python's isocalendar().
  std::vector<std::int64_t> days;
  for (const std::int64_t day : {18'627, 18'628, 18'631, 19'782, 20'087, 19'358})
    days.push_back(day * 86'400 * kSecond);
  const Frame out = fit_all("date_parts", {{"parts", "week,quarter,is_weekend,is_month_start,is_month_end"}},
                            one_column(Column::from_date(days), "d"));
  EXPECT_THAT(numbers(out, "d_week"), ElementsAre(53, 53, 1, 9, 1, 52));
  EXPECT_THAT(numbers(out, "d_quarter"), ElementsAre(4, 1, 1, 1, 4, 1));
  EXPECT_THAT(numbers(out, "d_is_weekend"), ElementsAre(0, 0, 0, 0, 0, 1));
  EXPECT_THAT(numbers(out, "d_is_month_start"), ElementsAre(0, 1, 0, 0, 0, 1));
  EXPECT_THAT(numbers(out, "d_is_month_end"), ElementsAre(1, 0, 0, 1, 0, 0));
}

TEST(DateParts, CyclesAreSineAndCosine) {
  // 1970-01-01 06:30:15, a Thursday.
  const Frame out = fit_all("date_parts",
                            {{"parts", ""},
                             {"cyclic", true},
                             {"cycles", "second,minute,hour,weekday,month"},
                             {"drop_constant", false}},
                            one_column(Column::from_timestamp({(6 * 3600 + 30 * 60 + 15) * kSecond}), "t"));
  const auto turn = [](double share) { return 2 * 3.14159265358979323846 * share; };
  EXPECT_NEAR(numbers(out, "t_second_sin")[0], std::sin(turn(0.25)), 1e-6);
  EXPECT_NEAR(numbers(out, "t_minute_cos")[0], std::cos(turn(30.25 / 60)), 1e-6);
  EXPECT_NEAR(numbers(out, "t_hour_sin")[0], std::sin(turn(6.5041666667 / 24)), 1e-6);
  EXPECT_NEAR(numbers(out, "t_weekday_cos")[0], std::cos(turn((3 + 6.5041666667 / 24) / 7)), 1e-6);
  EXPECT_NEAR(numbers(out, "t_month_cos")[0], 1, 1e-6);
}

TEST(DateParts, ElapsedDaysSinceADayOrTheFirstMoment) {
  data::Bitmap valid = data::all_present(3);
  data::clear_bit(valid.data(), 1);
  const Frame x =
      one_column(Column::from_timestamp({86'400 * kSecond * 3 / 2, 0, -86'400 * kSecond}, valid), "t");
  EXPECT_THAT(numbers(fit_all("date_parts", {{"since", "1970-01-02"}}, x), "t_elapsed_days"),
              Pointwise(NanSensitiveDoubleNear(1e-12), std::vector<double>{0.5, kNaN, -2}));
  EXPECT_THAT(numbers(fit_all("date_parts", {{"since", "first"}}, x), "t_elapsed_days"),
              Pointwise(NanSensitiveDoubleNear(1e-12), std::vector<double>{2.5, kNaN, 0}));
  EXPECT_ERROR(make_transformer("date_parts", {{"since", "noon"}}), kInvalidParameter, HasSubstr("\"noon\""));
  EXPECT_ERROR(make_transformer("date_parts", {{"cyclic", true}, {"cycles", "hour,moon"}}), kInvalidParameter,
               HasSubstr("\"moon\""));
}

TEST(DateParts, RefusesAnUnknownPart) {
  EXPECT_ERROR(make_transformer("date_parts", {{"parts", "year,moon"}}), kInvalidParameter,
               HasSubstr("\"moon\""));
}

}  // namespace
}  // namespace kolosal::transform
