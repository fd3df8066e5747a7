#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::metric {
namespace {

using data::TargetView;
using data::Task;

double discount(double position) { return 1 / std::log2(std::floor(position) + 2); }

/// Sum of the discounts over the positions [begin, end), where weights are quarters.
double plain_sum(double begin, double end, double n_positions) {
  double sum = 0;
  for (double at = begin; at < end && at < n_positions; at += 0.25) sum += discount(at) / 4;
  return sum;
}

/// The discounted gain, where every row shares the discounts of all rows of its score.
double plain_gain(const std::vector<double>& order, const std::vector<double>& gains,
                  const std::vector<double>& weights, double n_positions) {
  double sum = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    double above = 0, level = 0;
    for (std::size_t j = 0; j < order.size(); ++j) {
      if (order[j] > order[i]) above += weights[j];
      if (order[j] == order[i]) level += weights[j];
    }
    if (weights[i] > 0) sum += weights[i] / level * gains[i] * plain_sum(above, above + level, n_positions);
  }
  return sum;
}

TEST(Ndcg, ARowTakesAsManyPositionsAsItWeighs) {
  Rng rng(4);
  std::vector<double> y, p, weights;
  for (int i = 0; i < 200; ++i) {
    y.push_back(static_cast<double>(rng.below(2)));
    p.push_back(static_cast<double>(rng.below(40)));
    weights.push_back(static_cast<double>(rng.below(12)) / 4);
  }
  for (const auto& [name, limit] : {std::pair{"ndcg", 1e9}, std::pair{"ndcg:17", 17.0}}) {
    const double want = plain_gain(p, y, weights, limit) / plain_gain(y, y, weights, limit);
    EXPECT_NEAR(metric_for(name, Task::kBinary).compute({Task::kBinary, y, weights, 2}, p), want, 1e-12);
    EXPECT_NEAR(metric_for(name, Task::kRegression).compute({Task::kRegression, y, weights, 0}, p), want,
                1e-12);
  }
}

/// The sum over many positions is taken by a formula, not position by position.
TEST(Ndcg, LongTiesShareTheDiscountsOfAllTheirPositions) {
  constexpr std::size_t kRows = 300'000, kPositive = 1000;
  std::vector<double> y(kRows, 0.0), p(kRows, 0.5);
  std::fill_n(y.begin(), kPositive, 1.0);
  double all = 0, ideal = 0;
  for (std::size_t i = kRows; i-- > 0;) {
    all += discount(static_cast<double>(i));
    if (i < kPositive) ideal += discount(static_cast<double>(i));
  }
  const double want = all / kRows * kPositive / ideal;
  EXPECT_NEAR(metric_for("ndcg", Task::kBinary).compute({Task::kBinary, y, {}, 2}, p), want, 1e-12);
}

TEST(Ndcg, HugeWeightsComeToAnEnd) {
  const std::vector<double> y = {1, 0, 1, 0}, p = {0.9, 0.8, 0.7, 0.6}, weights = {1e17, 1e17, 3, 1e5};
  const double score = metric_for("ndcg", Task::kBinary).compute({Task::kBinary, y, weights, 2}, p);
  EXPECT_GT(score, 0.9);
  EXPECT_LE(score, 1);
}

TEST(Ndcg, WithoutAnyGainItIsZero) {
  const std::vector<double> y = {0, 0}, p = {0.9, 0.8};
  EXPECT_EQ(metric_for("ndcg", Task::kBinary).compute({Task::kBinary, y, {}, 2}, p), 0);
}

}  // namespace
}  // namespace kolosal::metric
