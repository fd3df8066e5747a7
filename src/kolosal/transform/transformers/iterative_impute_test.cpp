#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/bayesian_ridge_internal.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// b = 2 a + 1 and c = noise; every seventh b is a hole, and rows 0 and 7 are the same.
Frame line(double noise) {
  Rng rng(9);
  std::vector<double> a(210), b(210), c(210);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = rng.normal();
    b[i] = i % 7 == 0 ? kNaN : 2 * a[i] + 1 + noise * rng.normal();
    c[i] = rng.normal();
  }
  a[7] = a[0], c[7] = c[0];
  return {{"a", "b", "c"}, {Column::from_float64(a), Column::from_float64(b), Column::from_float64(c)}};
}

// What scikit-learn gives is in golden_test.cpp.

TEST(IterativeImpute, FindsTheLine) {
  const Frame x = line(0), out = fit_all("iterative_impute", {}, x);
  for (std::size_t i = 0; i < 210; i += 7)
    EXPECT_NEAR(numbers(out, "b")[i], 2 * numbers(x, "a")[i] + 1, 1e-4);
  EXPECT_EQ(numbers(out, "a"), numbers(x, "a"));
}

TEST(IterativeImpute, DrawsSpreadAroundTheMean) {
  const Frame x = line(0.5);
  const auto mean = numbers(fit_all("iterative_impute", {}, x), "b");
  const auto one = numbers(fit_all("iterative_impute", {{"n_draws", std::int64_t{1}}}, x), "b");
  const auto many = numbers(fit_all("iterative_impute", {{"n_draws", std::int64_t{400}}}, x), "b");
  double squares = 0;
  for (std::size_t i = 0; i < 210; i += 7) {
    squares += (one[i] - mean[i]) * (one[i] - mean[i]) / 30;
    EXPECT_NEAR(many[i], mean[i], 0.2);  // 0.5 / sqrt(400) is 0.025; the fit itself draws too
  }
  EXPECT_GT(std::sqrt(squares), 0.25);
  EXPECT_LT(std::sqrt(squares), 0.8);
  EXPECT_EQ(one[0], one[7]);  // equal rows
}

// b = a^2 and c = noise: what a line can not tell.
Frame curve() {
  Rng rng(4);
  std::vector<double> a(300), b(300), c(300);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = 4 * rng.uniform() - 2;
    b[i] = i % 6 == 0 ? kNaN : a[i] * a[i];
    c[i] = rng.normal();
  }
  return {{"a", "b", "c"}, {Column::from_float64(a), Column::from_float64(b), Column::from_float64(c)}};
}

double error_of(const Frame& x, const ParamMap& params) {
  const auto b = numbers(fit_all("iterative_impute", params, x), "b"), a = numbers(x, "a");
  double squares = 0;
  for (std::size_t i = 0; i < b.size(); i += 6) squares += (b[i] - a[i] * a[i]) * (b[i] - a[i] * a[i]);
  return std::sqrt(squares / 50);
}

TEST(IterativeImpute, TreesFindTheCurve) {
  const Frame x = curve();
  EXPECT_GT(error_of(x, {}), 0.9);
  for (const char* estimator : {"tree", "extra_trees", "random_forest"})
    EXPECT_LT(error_of(x, {{"estimator", estimator}, {"n_trees", std::int64_t{30}}}), 0.35) << estimator;
}

TEST(IterativeImpute, DrawsOfTreesAreTargetsOfFittedRows) {
  const Frame x = curve();
  const auto given = numbers(x, "b");
  const auto b = numbers(
      fit_all("iterative_impute", {{"estimator", "extra_trees"}, {"n_draws", std::int64_t{1}}}, x), "b");
  for (std::size_t i = 0; i < b.size(); i += 6) EXPECT_THAT(given, ::testing::Contains(b[i])) << i;
}

TEST(IterativeImpute, OneColumnAndEmptyColumnsGetTheirFirstFill) {
  EXPECT_THAT(numbers(fit_all("iterative_impute", {{"initial", "median"}},
                              one_column(Column::from_float64({1, 2, 9, kNaN}))),
                      "x"),
              ElementsAre(1, 2, 9, 2));
  const Frame x = {{"a", "b"},
                   {Column::from_float64({1, kNaN, 3}), Column::from_float64({kNaN, kNaN, kNaN})}};
  const Frame out = fit_all("iterative_impute", {}, x);
  EXPECT_THAT(numbers(out, "a"), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers(out, "b"), ElementsAre(0, 0, 0));
}

TEST(IterativeImpute, InfinitiesAreTreatedAsAsked) {
  const Frame x = {{"a", "b"}, {Column::from_float64({1, 2, 3}), Column::from_float64({2, kInf, 6})}};
  EXPECT_NEAR(numbers(fit_all("iterative_impute", {}, x), "b")[1], 4, 1e-3);
  EXPECT_THAT(numbers(fit_all("iterative_impute", {{"infinities", "keep"}}, x), "b"),
              ElementsAre(2, kInf, 6));
  EXPECT_THAT(numbers(fit_all("iterative_impute", {{"infinities", "clip"}}, x), "b"), ElementsAre(2, 6, 6));
  EXPECT_ERROR(fit_all("iterative_impute", {{"infinities", "error"}}, x), kData, HasSubstr("row 1"));
}

TEST(BayesianRidge, IsThatOfScikitLearn) {
  // sklearn.linear_model.BayesianRidge().fit(X, y): coef_, intercept_, alpha_, and predict(...,
  // return_std=True)
  const std::vector<std::vector<double>> x = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, -1, 2, 0, 3, 1, -2, 4}};
  const std::vector<double> y = {1.1, 0.4, 4.2, 3.1, 7.3, 6.2, 3.9, 10.4};
  const auto model = fit_bayesian_ridge(x, y, true, {});
  ASSERT_EQ(model.coefficients.size(), 2U);
  EXPECT_NEAR(model.coefficients[0], 0.9198447004287239, 1e-9);
  EXPECT_NEAR(model.coefficients[1], 0.9635986819999979, 1e-9);
  EXPECT_NEAR(model.intercept, 0.39194486649946914, 1e-9);
  EXPECT_NEAR(model.noise_precision, 17.920619385882116, 1e-7);
  const double at[] = {2.5, 3};
  EXPECT_NEAR(model.predict(at), 5.582352663571273, 1e-9);
  EXPECT_NEAR(model.deviation(at), 0.2592558694712344, 1e-9);
}

}  // namespace
}  // namespace kolosal::transform
