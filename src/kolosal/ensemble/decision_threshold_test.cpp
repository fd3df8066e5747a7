#include "kolosal/ensemble/decision_threshold.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kolosal/core/random.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;

const metric::Metric& binary(const char* name) { return metric::metric_for(name, Task::kBinary); }

/// Chances of class 1 that are low for most rows, and targets drawn from them.
struct Sample {
  std::vector<double> y, p, weights;
  Sample(std::size_t n, std::uint64_t seed, bool weighted = false) {
    Rng rng(seed);
    for (std::size_t i = 0; i < n; ++i) {
      p.push_back(std::pow(rng.uniform(), 4));
      y.push_back(rng.uniform() < p.back() ? 1 : 0);
      if (weighted) weights.push_back(0.5 + rng.uniform());
    }
  }
  TargetView view() const { return {Task::kBinary, y, weights, 2}; }
  double score(const metric::Metric& metric, double threshold) const {
    std::vector<double> decisions;
    for (const double value : p) decisions.push_back(value > threshold ? 1 : 0);
    return metric.compute(view(), decisions);
  }
};

TEST(DecisionThreshold, IsTheBestOfAll) {
  for (const bool weighted : {false, true})
    for (const char* name :
         {"f1", "balanced_accuracy", "mcc", "cohen_kappa", "jaccard", "label_cost:0 1;5 0"}) {
      SCOPED_TRACE(name);
      const metric::Metric& metric = binary(name);
      const Sample s(600, 2, weighted);
      const auto got = choose_threshold(s.view(), s.p, metric);
      ASSERT_NE(got.value, 0.5);
      double best = -1e300;
      for (const double t : s.p) best = std::max(best, metric.utility(s.score(metric, t)));
      EXPECT_NEAR(metric.utility(s.score(metric, got.value)), best, 1e-12);
      // Out of fold it is better than 0.5, and no better than on the rows that chose it.
      const double honest = metric.utility(metric.compute(s.view(), got.decisions));
      EXPECT_GT(honest, metric.utility(s.score(metric, 0.5)));
      EXPECT_LE(honest, best + 1e-12);
    }
}

TEST(DecisionThreshold, HoldsForNewRows) {
  const metric::Metric& f1 = binary("f1");
  const auto got = choose_threshold(Sample(3000, 3).view(), Sample(3000, 3).p, f1);
  const Sample fresh(20'000, 4);
  EXPECT_GT(fresh.score(f1, got.value), fresh.score(f1, 0.5) + 0.01);
}

/// For accuracy 0.5 is the best threshold of honest probabilities; what looks better is noise.
TEST(DecisionThreshold, CostsNothingWhereTheUsualOneIsBest) {
  const metric::Metric& accuracy = binary("accuracy");
  const Sample fresh(50'000, 99);
  int n_kept = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Sample s(2000, seed);
    const auto got = choose_threshold(s.view(), s.p, accuracy);
    n_kept += got.value == 0.5;
    EXPECT_EQ(got.value == 0.5, got.decisions.empty());
    EXPECT_GT(fresh.score(accuracy, got.value), fresh.score(accuracy, 0.5) - 0.01);
  }
  EXPECT_GT(n_kept, 0);
}

TEST(DecisionThreshold, OfExpectedCostIsWhereBothDecisionsCostTheSame) {
  const Sample s(100, 5);
  EXPECT_NEAR(choose_threshold(s.view(), s.p, binary("expected_cost:0 1;4 0")).value, 0.2, 1e-12);
  EXPECT_NEAR(choose_threshold(s.view(), s.p, binary("expected_cost:-1 1;3 -3")).value, 0.25, 1e-12);
  EXPECT_EQ(choose_threshold(s.view(), s.p, binary("expected_cost:0 -1;5 0")).value, 0.5)
      << "class 1 is always cheaper";
}

TEST(DecisionThreshold, IsNotForEveryMetric) {
  for (const char* name : {"accuracy", "f1", "f1_macro", "balanced_accuracy", "expected_cost:0 1;4 0"})
    EXPECT_TRUE(depends_on_threshold(binary(name), Task::kBinary)) << name;
  for (const char* name : {"roc_auc", "log_loss", "brier", "recall", "precision", "expected_cost"})
    EXPECT_FALSE(depends_on_threshold(binary(name), Task::kBinary)) << name;
  EXPECT_FALSE(depends_on_threshold(metric::metric_for("accuracy", Task::kMulticlass), Task::kMulticlass));
}

TEST(DecisionThreshold, FewRowsOfAClassChooseNothing) {
  const std::vector<double> y = {1, 0, 0, 0, 0, 0, 0, 0}, p = {0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
  EXPECT_EQ(choose_threshold({Task::kBinary, y, {}, 2}, p, binary("f1")).value, 0.5);
}

TEST(DecisionThreshold, OneValueForAllRowsIsNoTrouble) {
  std::vector<double> y, p(40, 0.25);
  for (int i = 0; i < 40; ++i) y.push_back(i % 4 == 0);
  const auto got = choose_threshold({Task::kBinary, y, {}, 2}, p, binary("f1"));
  EXPECT_LT(got.value, 0.25) << "all rows of class 1 have the better f1";
  EXPECT_GT(got.value, 0);
}

}  // namespace
}  // namespace kolosal::ensemble
