#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

// Agreement with category_encoders is checked by golden_test.cpp.

namespace kolosal::transform {
namespace {

using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pointwise;

TEST(WeightOfEvidence, IsTheLogOfTheShares) {
  const Frame x = one_column(categories({"a", "b"}, {0, 0, 0, 1, 1}));
  const std::vector<double> y = {1, 1, 0, 0, 0};
  const auto got = numbers(
      fit_all("weight_of_evidence", {{"regularization", 0.5}}, x, {Task::kBinary, y, {}, 2}), "x_woe");
  const double a = std::log((2.5 / 3) / (1.5 / 4)), b = std::log((0.5 / 3) / (2.5 / 4));
  EXPECT_THAT(got, Pointwise(NanSensitiveDoubleNear(1e-12), std::vector<double>{a, a, a, b, b}));
}

TEST(WeightOfEvidence, ChangingATargetDoesNotChangeItsOwnEncoding) {
  std::vector<std::int32_t> codes;
  std::vector<double> values;
  for (int i = 0; i < 120; ++i) codes.push_back(i % 4), values.push_back(i % 7 * 1.5);
  const Frame x = one_column(categories({"a", "b", "c", "d"}, codes));
  const auto encode = [&] {
    return numbers(make_transformer("weight_of_evidence")
                       ->fit_transform(x, all_rows(120), {Task::kRegression, values, {}, 0}, {"x"}, {}),
                   "x_woe");
  };
  const auto before = encode();
  values[16] = 1000;  // below the median before, above it now; the median stays
  const auto after = encode();
  EXPECT_NEAR(after[16], before[16], 1e-12);
  EXPECT_NE(after, before);
}

TEST(WeightOfEvidence, LevelsOfOneRowAndUnseenOnesTellNothing) {
  std::vector<std::string> levels;
  std::vector<std::int32_t> codes;
  std::vector<double> values;
  for (int i = 0; i < 40; ++i) {
    levels.push_back("id " + std::to_string(i));
    codes.push_back(i < 39 ? i : data::kUnseenCode);
    values.push_back(i % 2);
  }
  const Frame x = one_column(categories(levels, codes));
  const TargetView y{Task::kBinary, values, {}, 2};
  EXPECT_THAT(numbers(fit_all("weight_of_evidence", {}, x, y), "x_woe"), Each(0.0));
  const auto step = make_transformer("weight_of_evidence");
  EXPECT_THAT(numbers(step->fit_transform(x, all_rows(40), y, {"x"}, {}), "x_woe"), Each(0.0));
}

TEST(WeightOfEvidence, NumbersAreSplitAtTheirMedianAndClassesEachAgainstTheRest) {
  const Frame x = one_column(categories({"a", "b"}, {0, 0, 0, 1, 1, 1}));
  const std::vector<double> number = {1, 2, 30, 4, 50, 60}, flag = {0, 0, 1, 0, 1, 1},
                            classes = {0, 2, 2, 1, 1, 1};
  EXPECT_EQ(numbers(fit_all("weight_of_evidence", {}, x, {Task::kRegression, number, {}, 0}), "x_woe"),
            numbers(fit_all("weight_of_evidence", {}, x, {Task::kBinary, flag, {}, 2}), "x_woe"));
  const Frame out = fit_all("weight_of_evidence", {}, x, {Task::kMulticlass, classes, {}, 3});
  EXPECT_THAT(out.names(), ElementsAre("x_woe_0", "x_woe_1", "x_woe_2"));
  const std::vector<double> second = {0, 0, 0, 1, 1, 1};
  EXPECT_EQ(numbers(out, "x_woe_1"),
            numbers(fit_all("weight_of_evidence", {}, x, {Task::kBinary, second, {}, 2}), "x_woe"));
}

}  // namespace
}  // namespace kolosal::transform
