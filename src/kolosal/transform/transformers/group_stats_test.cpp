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
using data::TargetView;
using data::Task;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(GroupStats, TellsWhatIsUsualInACategory) {
  Frame x =
      one_column(categories({"a", "b", "c"}, {0, 0, 0, 1, 2, data::kMissingCode, data::kUnseenCode}), "town");
  x.add("rent", Column::from_float64({1, 2, 6, 10, kNaN, 5, kInf}));
  const Frame out = fit_all("group_stats", {}, x);
  EXPECT_THAT(out.names(), ElementsAre("town", "rent", "rent_mean_by_town", "rent_std_by_town",
                                       "rent_min_by_town", "rent_max_by_town", "rent_count_by_town"));
  // Of all: 1, 2, 6, 10, 5. c has no number and the last row no known level.
  const double std_all = std::sqrt((3.8 * 3.8 + 2.8 * 2.8 + 1.2 * 1.2 + 5.2 * 5.2 + 0.2 * 0.2) / 4);
  const auto near = [](std::vector<double> want) { return Pointwise(NanSensitiveDoubleNear(1e-12), want); };
  EXPECT_THAT(numbers(out, "rent_mean_by_town"), near({3, 3, 3, 10, 4.8, 5, 4.8}));
  EXPECT_THAT(numbers(out, "rent_std_by_town"),
              near({std::sqrt(7), std::sqrt(7), std::sqrt(7), kNaN, std_all, kNaN, std_all}));
  EXPECT_THAT(numbers(out, "rent_min_by_town"), near({1, 1, 1, 10, 1, 5, 1}));
  EXPECT_THAT(numbers(out, "rent_max_by_town"), near({6, 6, 6, 10, 10, 5, 10}));
  EXPECT_THAT(numbers(out, "rent_count_by_town"), near({3, 3, 3, 1, 0, 1, 0}));
}

TEST(GroupStats, AFittedRowDoesNotSeeItsOwnTarget) {
  std::vector<std::int32_t> codes;
  std::vector<double> values;
  for (int i = 0; i < 90; ++i) codes.push_back(i % 3), values.push_back(i * 7 % 11);
  const Frame x = one_column(categories({"a", "b", "c"}, codes));
  const auto made = [&] {
    return make_transformer("group_stats", {{"target", true}})
        ->fit_transform(x, all_rows(90), {Task::kRegression, values, {}, 0}, {"x"}, {});
  };
  const Frame before = made();
  values[17] = 1000;
  const Frame after = made();
  for (const char* name : {"target_mean_by_x", "target_std_by_x", "target_max_by_x", "target_count_by_x"})
    EXPECT_NEAR(numbers(after, name)[17], numbers(before, name)[17], 1e-9) << name;
  EXPECT_THAT(numbers(after, "target_max_by_x"), Contains(1000));  // rows of the other folds
}

TEST(GroupStats, SharesOfClasses) {
  const Frame x = one_column(categories({"a", "b"}, {0, 0, 0, 1}));
  const std::vector<double> y = {0, 2, 2, 1};
  const Frame out =
      fit_all("group_stats", {{"target", true}, {"stats", "mean, max"}}, x, {Task::kMulticlass, y, {}, 3});
  EXPECT_THAT(out.names(),
              ElementsAre("x", "target_mean_0_by_x", "target_mean_1_by_x", "target_mean_2_by_x"));
  EXPECT_THAT(numbers(out, "target_mean_2_by_x"),
              Pointwise(NanSensitiveDoubleNear(1e-12), std::vector<double>{2.0 / 3, 2.0 / 3, 2.0 / 3, 0}));
}

TEST(GroupStats, RefusesAnUnknownFigure) {
  EXPECT_ERROR(make_transformer("group_stats", {{"stats", "mean,mode"}}), kInvalidParameter,
               HasSubstr("\"mode\""));
}

}  // namespace
}  // namespace kolosal::transform
