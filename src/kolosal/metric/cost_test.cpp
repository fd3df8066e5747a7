#include "kolosal/metric/cost.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::metric {
namespace {

using data::Task;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(CostMatrix, IsReadRowByRow) {
  const CostMatrix costs = CostMatrix::parse("0 1.5; -2, 0");
  EXPECT_EQ(costs.n_classes(), 2U);
  EXPECT_EQ(costs.at(0, 1), 1.5) << "class 0 is true, class 1 is decided";
  EXPECT_EQ(costs.at(1, 0), -2);
}

TEST(CostMatrix, RefusesWhatIsNoSquareOfNumbers) {
  EXPECT_THAT(
      [] { CostMatrix::parse("0 1; 5"); },
      ThrowsMessage<Error>(HasSubstr("the cost matrix \"0 1; 5\" has 2 rows, but 1 costs in row 2; write")));
  EXPECT_THAT([] { CostMatrix::parse("0 x; 5 0"); },
              ThrowsMessage<Error>(HasSubstr("has a cost that is not a number: \"x\"")));
  EXPECT_THAT([] { CostMatrix::parse("0 inf; 5 0"); },
              ThrowsMessage<Error>(HasSubstr("must be finite: inf")));
  EXPECT_THAT([] { CostMatrix::parse("1"); }, ThrowsMessage<Error>(HasSubstr("at least 2 classes")));
  EXPECT_THAT([] { CostMatrix::parse(""); }, ThrowsMessage<Error>(HasSubstr("0 costs in row 1")));
  EXPECT_THAT([] { CostMatrix(2, {0, 1, 1}); }, ThrowsMessage<Error>(HasSubstr("needs 4 costs, but has 3")));
}

TEST(CostMatrix, OfAnotherSizeThanTheTargetIsRefused) {
  const std::vector<double> y = {0, 2}, p = {.5, .3, .2, .1, .1, .8};
  const auto want = ThrowsMessage<Error>(
      HasSubstr("the cost matrix is 2 x 2, but the target has 3 classes; give 3 rows of 3 costs"));
  for (const char* name : {"expected_cost:0 1;5 0", "label_cost:0 1;5 0"})
    EXPECT_THAT([&] { metric_for(name, Task::kMulticlass).compute({Task::kMulticlass, y, {}, 3}, p); }, want);
  EXPECT_THAT([&] { cheapest_classes(CostMatrix::equal(2), p, 3); }, want);
}

/// A missed row of class 1 costs four times a false alarm: the threshold is 1 / (1 + 4).
TEST(CostMatrix, MovesTheThresholdOfTwoClasses) {
  const CostMatrix costs(2, {0, 1, 4, 0});
  const std::vector<double> p = {0.1, 0.19, 0.21, 0.9};
  EXPECT_THAT(cheapest_classes(costs, p, 1), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(cheapest_classes(CostMatrix::equal(2), std::vector<double>{0.49, 0.5, 0.51}, 1),
              ElementsAre(0, 0, 1))
      << "of equal costs the first class";
}

TEST(CostMatrix, DecidesForAMildClassRatherThanForTheMostProbable) {
  const CostMatrix costs(3, {0, 1, 9, 1, 0, 9, 9, 1, 0});
  EXPECT_THAT(cheapest_classes(costs, std::vector<double>{.5, .1, .4, .9, .1, 0}, 3), ElementsAre(1, 0));
}

TEST(CostMatrix, NoOtherDecisionHasALowerExpectedCost) {
  Rng rng(3);
  std::vector<double> costs(16), p(4 * 50);
  for (double& cost : costs) cost = rng.normal();
  for (double& value : p) value = rng.uniform();
  const CostMatrix matrix(4, costs);
  const auto decided = cheapest_classes(matrix, p, 4);
  for (std::size_t i = 0; i < decided.size(); ++i) {
    const auto expected = [&](std::size_t d) {
      double sum = 0;
      for (std::size_t c = 0; c < 4; ++c) sum += p[i * 4 + c] * costs[c * 4 + d];
      return sum;
    };
    for (std::size_t d = 0; d < 4; ++d) EXPECT_LE(expected(decided[i]), expected(d)) << i;
  }
}

TEST(CostMetrics, AreMeanCostsOfTheirDecisions) {
  const std::vector<double> y = {0, 0, 1, 1, 1}, p = {0.1, 0.3, 0.3, 0.7, 0.1}, w = {1, 2, 3, 4, 5};
  const data::TargetView target{Task::kBinary, y, w, 2};
  // Threshold 0.2: one false alarm of weight 2, one miss of weight 5.
  EXPECT_DOUBLE_EQ(metric_for("cost:0 1;4 0", Task::kBinary).compute(target, p), (2 * 1 + 5 * 4) / 15.0);
  // Threshold 0.5: misses of weight 3 and 5.
  EXPECT_DOUBLE_EQ(metric_for("label_cost:0 1;4 0", Task::kBinary).compute(target, p), 8 * 4 / 15.0);
  EXPECT_DOUBLE_EQ(metric_for("label_cost", Task::kBinary).compute(target, p), 8 / 15.0);
  const CostMatrix costs(2, {0, 1, 4, 0});
  EXPECT_DOUBLE_EQ(mean_cost(costs, target, cheapest_classes(costs, p, 1)), (2 * 1 + 5 * 4) / 15.0);
}

}  // namespace
}  // namespace kolosal::metric
