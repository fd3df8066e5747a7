#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/bin_edges_internal.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// What scikit-learn gives is in golden_test.cpp.

TEST(Discretize, BinsHaveEqualWidthsOrEqualRows) {
  const Frame x = one_column(Column::from_float64({0, 1, 2, 3, 10, kNaN}));
  const ParamMap uniform = {{"method", "uniform"}, {"n_bins", std::int64_t{2}}};
  EXPECT_THAT(numbers(fit_all("discretize", uniform, x), "x"),
              Pointwise(NanSensitiveDoubleNear(0), {0.0, 0.0, 0.0, 0.0, 1.0, kNaN}));
  EXPECT_THAT(numbers(fit_all("discretize", {{"n_bins", std::int64_t{2}}}, x), "x"),
              Pointwise(NanSensitiveDoubleNear(0), {0.0, 0.0, 1.0, 1.0, 1.0, kNaN}));
}

TEST(Discretize, CategoriesAreNamedByTheirRange) {
  const Frame x = one_column(Column::from_float64({0, 4, 8, kNaN, kInf, -kInf}));
  const Frame out =
      fit_all("discretize", {{"method", "uniform"}, {"n_bins", std::int64_t{2}}, {"encode", "category"}}, x);
  EXPECT_THAT(out.column("x").dictionary()->levels(), ElementsAre("(-inf, 4)", "[4, inf)"));
  EXPECT_THAT(out.column("x").codes(), ElementsAre(0, 1, 1, data::kMissingCode, 1, 0));
}

TEST(Discretize, TheTreeCutsWhereTheTargetChanges) {
  std::vector<double> cells, y;
  for (int i = 0; i < 100; ++i) {
    cells.push_back(i);
    y.push_back(i < 30 ? 1 : i < 80 ? 5 : 2);
  }
  const data::TargetView target{data::Task::kRegression, y, {}, 0};
  EXPECT_THAT(tree_edges(cells, all_rows(100), target, 9, 5), ElementsAre(29.5, 79.5));
  EXPECT_THAT(tree_edges(cells, all_rows(100), target, 2, 5).size(), 1);
  EXPECT_THAT(tree_edges(cells, all_rows(100), target, 9, 51), ElementsAre());
  const Frame out =
      fit_all("discretize", {{"method", "tree"}, {"encode", "category"}, {"n_bins", std::int64_t{3}}},
              one_column(Column::from_float64(cells)), target);
  EXPECT_THAT(out.column("x").dictionary()->levels(),
              ElementsAre("(-inf, 29.5]", "(29.5, 79.5]", "(79.5, inf)"));
  EXPECT_EQ(out.column("x").codes()[30], 1);
}

TEST(Discretize, WeightsCountInTheTree) {
  const std::vector<double> cells = {0, 1, 2, 3}, y = {0, 1, 0, 1}, weights = {1, 1, 1e-9, 1};
  const data::TargetView target{data::Task::kBinary, y, weights, 2};
  EXPECT_THAT(tree_edges(cells, all_rows(4), target, 2, 1), ElementsAre(0.5));
}

TEST(Discretize, KMeansGivesEmptyClustersAFarCell) {
  // The middle cluster of (1/6, 1/2, 5/6) of the range has no cell at first.
  const std::vector<double> sorted = {0, 1, 2, 98, 99, 100};
  const auto edges = kmeans_edges(sorted, 3);
  ASSERT_EQ(edges.size(), 2U);
  EXPECT_TRUE(std::ranges::is_sorted(edges));
}

TEST(Discretize, EqualCellsAreOneBin) {
  EXPECT_THAT(uniform_edges(3, 3, 4), ElementsAre());
  EXPECT_THAT(quantile_edges(std::vector<double>{1, 1, 1, 1, 1, 1, 2}, 3), ElementsAre());
  EXPECT_THAT(kmeans_edges(std::vector<double>{}, 3), ElementsAre());
}

}  // namespace
}  // namespace kolosal::transform
