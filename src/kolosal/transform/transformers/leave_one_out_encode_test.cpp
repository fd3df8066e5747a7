#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

// Agreement with category_encoders is checked by golden_test.cpp.

namespace kolosal::transform {
namespace {

using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::ElementsAre;
using ::testing::Pointwise;

Frame encoded(const Frame& x, const std::vector<double>& values, const ParamMap& params = {},
              std::uint64_t seed = 0) {
  return make_transformer("leave_one_out_encode", params)
      ->fit_transform(x, all_rows(x.n_rows()), {Task::kRegression, values, {}, 0}, {"x"},
                      Context{}.with_seed(seed));
}

TEST(LeaveOneOutEncode, LeavesTheOwnTargetOut) {
  const Frame x = one_column(categories({"a", "b", "c"}, {0, 0, 0, 1, 1, 2}));
  const std::vector<double> values = {1, 2, 6, 10, 20, 9};
  EXPECT_THAT(numbers(encoded(x, values), "x_loo"),
              Pointwise(NanSensitiveDoubleNear(1e-12), std::vector<double>{4, 3.5, 1.5, 20, 10, 8}));
}

TEST(LeaveOneOutEncode, ALoneRowLearnsNothingOfItsTarget) {
  std::vector<std::string> levels;
  std::vector<std::int32_t> codes;
  std::vector<double> values;
  for (int i = 0; i < 50; ++i) {
    levels.push_back("id " + std::to_string(i));
    codes.push_back(i);
    values.push_back(i * i % 17);
  }
  const Frame x = one_column(categories(levels, codes));
  const auto got = numbers(encoded(x, values), "x_loo");
  for (const double cell : got) EXPECT_EQ(cell, got[0]);  // constant, so nothing can be read off it
}

TEST(LeaveOneOutEncode, WeightsCountLikeRepeatedRows) {
  const Frame x = one_column(categories({"a", "b"}, {0, 0, 1, 1}));
  const std::vector<double> values = {1, 4, 2, 8}, weights = {2, 1, 3, 0};
  const auto step = make_transformer("leave_one_out_encode");
  const TargetView y{Task::kRegression, values, weights, 0};
  const auto got = numbers(step->fit_transform(x, all_rows(4), y, {"x"}, {}), "x_loo");
  // Row 2: the other row of b has no weight, so the mean of all rows, (2 + 4 + 6) / 6. Row 3: only row 2 is
  // left.
  EXPECT_THAT(got, Pointwise(NanSensitiveDoubleNear(1e-12), std::vector<double>{4, 1, 2, 2}));
}

TEST(LeaveOneOutEncode, NoiseIsForTrainingRowsAndFollowsTheSeed) {
  const Frame x = one_column(categories({"a", "b"}, {0, 1, 0, 1, 0, 1, 0, 1}));
  const std::vector<double> values = {1, 2, 3, 4, 5, 6, 7, 8};
  const ParamMap noisy = {{"noise", 0.1}};
  const auto plain = numbers(encoded(x, values), "x_loo");
  const auto once = numbers(encoded(x, values, noisy, 1), "x_loo");
  EXPECT_EQ(once, numbers(encoded(x, values, noisy, 1), "x_loo"));
  EXPECT_NE(once, numbers(encoded(x, values, noisy, 2), "x_loo"));
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_NE(once[i], plain[i]);
    EXPECT_NEAR(once[i] / plain[i], 1, 0.6);
  }
  const auto later = fit_all("leave_one_out_encode", noisy, x, {Task::kRegression, values, {}, 0});
  EXPECT_THAT(numbers(later, "x_loo"),
              Pointwise(NanSensitiveDoubleNear(1e-12), std::vector<double>{4, 5, 4, 5, 4, 5, 4, 5}));
}

TEST(LeaveOneOutEncode, OneColumnPerFrequentClass) {
  const Frame x = one_column(categories({"a", "b"}, {0, 0, 1, 1}));
  const std::vector<double> classes = {0, 2, 2, 1};
  const Frame out = fit_all("leave_one_out_encode", {{"max_classes", std::int64_t{2}}}, x,
                            {Task::kMulticlass, classes, {}, 3});
  EXPECT_THAT(out.names(), ElementsAre("x_loo_0", "x_loo_2"));
  EXPECT_THAT(numbers(out, "x_loo_2"), ElementsAre(0.5, 0.5, 0.5, 0.5));
}

}  // namespace
}  // namespace kolosal::transform
