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
using data::Task;
using ::testing::Pointwise;

TEST(ArithmeticPairs, FindsTheQuotientThatTells) {
  std::vector<double> a, b, noise, values;
  for (int i = 0; i < 600; ++i) {
    a.push_back(1 + i * 37 % 101);
    b.push_back(1 + i * 61 % 89);
    noise.push_back(i * 7919 % 97);
    values.push_back(a.back() / b.back());
  }
  const Frame x({"a", "b", "noise"},
                {Column::from_float64(a), Column::from_float64(b), Column::from_float64(noise)});
  const Frame out =
      fit_all("arithmetic_pairs", {{"n_pairs", std::int64_t{2}}}, x, {Task::kRegression, values, {}, 0});
  // a/b and b/a have the same order, so the bins of both explain the same.
  EXPECT_THAT(out.names(), ::testing::UnorderedElementsAre("a", "b", "noise", "a/b", "b/a"));
  EXPECT_THAT(numbers(out, "a/b"), Pointwise(NanSensitiveDoubleNear(1e-6), values));
}

TEST(ArithmeticPairs, DivisionByZeroIsMissing) {
  std::vector<double> a, b, values;
  for (int i = 0; i < 100; ++i) a.push_back(i % 10), b.push_back(i % 7), values.push_back(i % 10 - i % 7);
  const Frame x({"a", "b"}, {Column::from_float64(a), Column::from_float64(b)});
  const Frame out = fit_all("arithmetic_pairs", {}, x, {Task::kRegression, values, {}, 0});
  ASSERT_EQ(out.n_columns(), 7U);
  EXPECT_TRUE(std::isnan(numbers(out, "a/b")[0]));
  EXPECT_EQ(numbers(out, "b/a")[7], 0);
  EXPECT_EQ(out.name(2), "a-b");  // explains everything
}

}  // namespace
}  // namespace kolosal::transform
