#include "kolosal/ensemble/decision_weights.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kolosal/core/random.hpp"

namespace kolosal::ensemble {
namespace {

using data::Task;

const metric::Metric& metric_named(const char* name) { return metric::metric_for(name, Task::kMulticlass); }

/// Probabilities of three classes of which two are rare, and targets drawn from them.
struct Sample {
  std::vector<double> y, p, weights;
  Sample(std::size_t n, std::uint64_t seed, bool weighted = false) {
    Rng rng(seed);
    for (std::size_t i = 0; i < n; ++i) {
      const double rare = 0.3 * std::pow(rng.uniform(), 2), rarer = 0.15 * std::pow(rng.uniform(), 3);
      p.insert(p.end(), {rare, 1 - rare - rarer, rarer});
      const double u = rng.uniform();
      y.push_back(u < rare ? 0 : u < 1 - rarer ? 1 : 2);
      if (weighted) weights.push_back(0.5 + rng.uniform());
    }
  }
  data::TargetView view() const { return {Task::kMulticlass, y, weights, 3}; }
  double score(const metric::Metric& metric, const std::vector<double>& by) const {
    std::vector<double> product = p;
    for (std::size_t i = 0; i < product.size(); ++i) product[i] *= by[i % 3];
    return metric.compute(view(), product);
  }
};

TEST(DecisionWeights, RaiseMetricsInWhichRareClassesCount) {
  for (const bool weighted : {false, true})
    for (const char* name : {"balanced_accuracy", "f1_macro", "mcc", "cohen_kappa"}) {
      SCOPED_TRACE(name);
      const metric::Metric& metric = metric_named(name);
      ASSERT_TRUE(depends_on_decision_weights(metric, Sample(30, 1).view()));
      const Sample chosen_on(3000, 2, weighted), other(30000, 3, weighted);
      const auto got = choose_decision_weights(chosen_on.view(), chosen_on.p, metric);
      ASSERT_EQ(got.values.size(), 3U);
      EXPECT_EQ(std::ranges::max(got.values), 1);
      const double before = other.score(metric, {1, 1, 1}), after = other.score(metric, got.values);
      EXPECT_GT(after, before + 0.01);
      // Out of fold they promise what they do on other rows.
      EXPECT_NEAR(metric.compute(chosen_on.view(), got.decisions), after, 0.05);
    }
}

TEST(DecisionWeights, OfBalancedAccuracyComeNearTheBestOnes) {
  const metric::Metric& metric = metric_named("balanced_accuracy");
  const Sample chosen_on(5000, 4), other(50000, 5);
  // With true probabilities 1 / share is best.
  std::vector<double> share(3, 0.0), inverse(3);
  for (const double y : other.y) share[static_cast<std::size_t>(y)] += 1;
  for (std::size_t k = 0; k < 3; ++k) inverse[k] = 1 / share[k];
  const auto got = choose_decision_weights(chosen_on.view(), chosen_on.p, metric);
  EXPECT_GT(other.score(metric, got.values), other.score(metric, inverse) - 0.01);
}

TEST(DecisionWeights, AreNoneWhereTheyDoNotHelp) {
  Sample s(400, 6);
  // The largest probability is always right.
  for (std::size_t i = 0; i < s.y.size(); ++i)
    s.y[i] = static_cast<double>(std::max_element(s.p.begin() + static_cast<std::ptrdiff_t>(3 * i),
                                                  s.p.begin() + static_cast<std::ptrdiff_t>(3 * i + 3)) -
                                 (s.p.begin() + static_cast<std::ptrdiff_t>(3 * i)));
  const auto got = choose_decision_weights(s.view(), s.p, metric_named("f1_macro"));
  EXPECT_TRUE(got.values.empty());
  EXPECT_TRUE(got.decisions.empty());
}

TEST(DecisionWeights, AreForLabelsOfSeveralClasses) {
  const Sample s(30, 1);
  for (const char* name : {"accuracy", "log_loss", "roc_auc_ovr"})
    EXPECT_FALSE(depends_on_decision_weights(metric_named(name), s.view())) << name;
  EXPECT_FALSE(
      depends_on_decision_weights(metric::metric_for("f1", Task::kBinary), {Task::kBinary, s.y, {}, 2}));
}

TEST(DecisionWeights, EachRowHasOneDecision) {
  const Sample s(50'000, 7);  // more than the search looks at
  const auto got = choose_decision_weights(s.view(), s.p, metric_named("f1_macro"));
  ASSERT_EQ(got.decisions.size(), s.p.size());
  for (std::size_t i = 0; i < s.y.size(); ++i)
    ASSERT_EQ(got.decisions[3 * i] + got.decisions[3 * i + 1] + got.decisions[3 * i + 2], 1);
}

}  // namespace
}  // namespace kolosal::ensemble
