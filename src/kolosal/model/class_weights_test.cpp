#include "kolosal/model/class_weights.hpp"

#include <numeric>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

struct Sample {
  std::vector<double> classes, weights;
  std::size_t n_classes = 3;
  std::vector<std::uint32_t> rows;

  explicit Sample(std::vector<double> y, std::vector<double> w = {})
      : classes(std::move(y)), weights(std::move(w)), rows(classes.size()) {
    std::iota(rows.begin(), rows.end(), 0U);
  }
  data::TargetView view() const { return {data::Task::kMulticlass, classes, weights, n_classes}; }
  std::vector<double> by(std::string_view rule) const { return class_weights(rule, view(), rows); }
};

MATCHER(IsNear, "") { return std::abs(std::get<0>(arg) - std::get<1>(arg)) < 1e-15; }

// sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 2], y=y[, sample_weight=w]).
TEST(ClassWeights, BalancedIsThatOfScikitLearn) {
  const Sample plain({0, 0, 0, 0, 0, 0, 1, 1, 1, 2});
  EXPECT_THAT(
      plain.by("balanced"),
      Pointwise(IsNear(), std::vector<double>{0.5555555555555556, 1.1111111111111112, 3.3333333333333335}));
  const Sample weighted({0, 0, 0, 1, 1, 2}, {1, 2, 0.5, 3, 1, 0.25});
  EXPECT_THAT(
      weighted.by("balanced"),
      Pointwise(IsNear(), std::vector<double>{0.7380952380952381, 0.6458333333333334, 10.333333333333334}));
}

TEST(ClassWeights, LookAtTheGivenRowsOnly) {
  Sample sample({0, 0, 1, 1, 1, 1});
  sample.n_classes = 2;
  sample.rows = {0, 1, 2};
  EXPECT_THAT(sample.by("balanced"), ElementsAre(0.75, 1.5));
}

TEST(ClassWeights, RootsAreBetweenAndKeepTheSum) {
  const Sample sample({0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, {});
  const auto roots = sample.by("sqrt");
  EXPECT_NEAR(roots[1] / roots[0], 3, 1e-12);  // sqrt(9)
  EXPECT_NEAR(9 * roots[0] + roots[1], 10, 1e-12);
  EXPECT_EQ(roots[2], 1) << "a class without rows";
}

TEST(ClassWeights, NumbersAreForEachClass) {
  const Sample sample({0, 1, 2});
  EXPECT_THAT(sample.by("1,2.5,10"), ElementsAre(1, 2.5, 10));
  EXPECT_ERROR(sample.by("1,2"), kInvalidParameter, HasSubstr("2 numbers for 3 classes"));
  EXPECT_ERROR(sample.by("1,0,2"), kInvalidParameter, HasSubstr("above 0"));
  EXPECT_ERROR(sample.by("equal"), kInvalidParameter, HasSubstr("balanced, sqrt"));
  EXPECT_ERROR(check_class_weight_rule("1,", 2), kInvalidParameter, HasSubstr("above 0"));
}

}  // namespace
}  // namespace kolosal::model
