#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/regression_forest_internal.hpp"

// That one tree agrees with scikit-learn's DecisionTreeRegressor is checked by real_tables_test.cpp.

namespace kolosal::transform {
namespace {

using Cells = std::vector<std::vector<double>>;

// y = x0^2 + x1, with noise in x2.
struct Problem {
  Cells x{3, std::vector<double>(400)};
  std::vector<double> y;
  Problem() {
    Rng rng(2);
    for (std::size_t i = 0; i < 400; ++i) {
      for (auto& column : x) column[i] = rng.normal();
      y.push_back(x[0][i] * x[0][i] + x[1][i]);
    }
  }
  double error(const RegressionForest& forest) const {
    double out = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double row[] = {x[0][i], x[1][i], x[2][i]};
      out += std::pow(forest.predict(row) - y[i], 2);
    }
    return out / static_cast<double>(y.size());
  }
};

TEST(RegressionForest, ATreeOfWholeRowsKnowsThemAll) {
  const Problem p;
  for (const bool random : {false, true}) {
    RegressionForest forest;
    forest.fit(p.x, p.y, {.n_trees = 2, .random_splits = random}, 1, {});
    EXPECT_LT(p.error(forest), 1e-20);
  }
}

TEST(RegressionForest, LeavesHaveTheirRows) {
  // Split between 2 and 3: the halves differ most there.
  RegressionForest tree;
  tree.fit({{1, 2, 3, 4}}, {1, 1, 5, 6}, {.min_leaf = 2}, 1, {});
  const double low[] = {2.4}, high[] = {2.6};
  EXPECT_EQ(tree.predict(low), 1);
  EXPECT_EQ(tree.predict(high), 5.5);
  tree.fit({{1, 2, 3, 4}}, {1, 1, 5, 6}, {.min_leaf = 3}, 1, {});
  EXPECT_EQ(tree.predict(low), 3.25);
}

TEST(RegressionForest, IsTheSameForAnyNumberOfThreadsAndAfterLoading) {
  ThreadPool pool(3);
  Context many;
  many.pool = &pool;
  many.n_threads = 3;
  const Problem p;
  const RegressionForestOptions options = {
      .n_trees = 7, .bootstrap = true, .max_features = 0.5, .min_leaf = 4, .keep_donors = true};
  RegressionForest one, other, loaded;
  one.fit(p.x, p.y, options, 5, {});
  other.fit(p.x, p.y, options, 5, many);
  artifact::Node node;
  one.save(node);
  loaded.load(node, 3);
  EXPECT_EQ(p.error(one), p.error(other));
  EXPECT_EQ(p.error(one), p.error(loaded));
  EXPECT_ERROR(loaded.load(node, 1), kModel, ::testing::HasSubstr("damaged"));
  const double row[] = {0.1, 0.2, 0.3};
  Rng a(3), b(3);
  for (int i = 0; i < 20; ++i) {
    const double drawn = one.draw(row, a);
    EXPECT_EQ(drawn, loaded.draw(row, b));
    EXPECT_THAT(p.y, ::testing::Contains(drawn));
  }
}

TEST(RegressionForest, BootstrapsMakeTreesDiffer) {
  const Problem p;
  RegressionForest one, many;
  one.fit(p.x, p.y, {.n_trees = 1, .bootstrap = true}, 5, {});
  many.fit(p.x, p.y, {.n_trees = 40, .bootstrap = true}, 5, {});
  EXPECT_GT(p.error(one), 1e-3);  // a third of the rows is not in the tree
  EXPECT_LT(p.error(many), 0.6 * p.error(one));
}

TEST(RegressionForest, HostileNumbersAreNoTrap) {
  RegressionForest forest;
  forest.fit({}, {}, {}, 1, {});
  EXPECT_TRUE(forest.empty());
  forest.fit({{7, 7, 7}, {1e308, -1e308, 1e-310}}, {1, 1, 2}, {.n_trees = 3, .random_splits = true}, 1, {});
  const double row[] = {7, 1e308};
  EXPECT_TRUE(std::isfinite(forest.predict(row)));
  forest.fit({{5}}, {3}, {}, 1, {});
  EXPECT_EQ(forest.predict(std::vector<double>{0}), 3);
}

}  // namespace
}  // namespace kolosal::transform
