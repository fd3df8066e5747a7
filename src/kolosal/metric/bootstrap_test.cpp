#include "kolosal/metric/bootstrap.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/thread_pool.hpp"

namespace kolosal::metric {
namespace {

using data::Task;
using testing::HasSubstr;
using testing::ThrowsMessage;

struct Sample {
  Task task = Task::kBinary;
  std::vector<double> y, prediction, weights;
  data::TargetView view() const { return {task, y, weights, task == Task::kBinary ? 2UL : 0UL}; }
};

/// Class 1, of the given share, scores higher on average; or targets around their predictions.
Sample random_sample(Task task, std::size_t n, double share, bool weighted, std::uint64_t seed) {
  Rng rng(seed);
  Sample out;
  out.task = task;
  for (std::size_t i = 0; i < n; ++i) {
    const double y = task == Task::kBinary ? (rng.uniform() < share ? 1.0 : 0.0) : rng.normal();
    const double p = y + rng.normal();
    out.y.push_back(y);
    out.prediction.push_back(task == Task::kBinary ? 1 / (1 + std::exp(1 - p)) : p);
    if (weighted) out.weights.push_back(0.5 + rng.uniform());
  }
  return out;
}

Context seeded(std::uint64_t seed) { return Context{}.with_seed(seed); }

/// The bootstrap by its definition: n rows are picked, with repetition, and copied.
std::pair<double, double> plain_interval(const Metric& metric, const Sample& s, std::size_t n_draws) {
  Rng rng(99);
  std::vector<double> scores;
  for (std::size_t draw = 0; draw < n_draws; ++draw) {
    Sample picked;
    picked.task = s.task;
    for (std::size_t k = 0; k < s.y.size(); ++k) {
      const std::size_t i = rng.below(s.y.size());
      picked.y.push_back(s.y[i]);
      picked.prediction.push_back(s.prediction[i]);
      if (!s.weights.empty()) picked.weights.push_back(s.weights[i]);
    }
    scores.push_back(metric.compute(picked.view(), picked.prediction));
  }
  std::ranges::sort(scores);
  return {scores[n_draws / 40], scores[n_draws - 1 - n_draws / 40]};
}

/// The ends of 4000 draws have a standard error of about 1% of the width, those of both methods
/// together 1.5%.
TEST(BootstrapInterval, IsThatOfPickedRows) {
  for (const bool weighted : {false, true})
    for (const auto& [name, task] : {std::pair{"roc_auc", Task::kBinary},
                                     {"accuracy", Task::kBinary},
                                     {"log_loss", Task::kBinary},
                                     {"rmse", Task::kRegression},
                                     {"median_absolute_error", Task::kRegression},
                                     {"r2", Task::kRegression}}) {
      SCOPED_TRACE(name);
      const Sample s = random_sample(task, 200, 0.3, weighted, 5);
      const Metric& metric = metric_for(name, task);
      const auto got = bootstrap_interval(metric, s.view(), s.prediction, {2000, 0.95}, seeded(1));
      const auto [low, high] = plain_interval(metric, s, 2000);
      const double near = 0.08 * (high - low);
      EXPECT_NEAR(got.low, low, near);
      EXPECT_NEAR(got.high, high, near);
      EXPECT_EQ(got.score, metric.compute(s.view(), s.prediction));
      EXPECT_EQ(got.n_draws, 2000U);
    }
}

/// The mean of n numbers has the standard error of their deviation / sqrt(n).
TEST(BootstrapInterval, OfManyRowsIsAsNarrowAsTheyAreMany) {
  const Sample s = random_sample(Task::kRegression, 100'000, 0, false, 7);
  const Metric& mae = metric_for("mae", Task::kRegression);
  const auto got = bootstrap_interval(mae, s.view(), s.prediction, {1000, 0.9}, seeded(1));
  double sum_sq = 0;
  for (std::size_t i = 0; i < s.y.size(); ++i)
    sum_sq += std::pow(std::abs(s.prediction[i] - s.y[i]) - got.score, 2);
  const double half = 1.6449 * std::sqrt(sum_sq) / static_cast<double>(s.y.size());
  EXPECT_NEAR(got.low, got.score - half, 0.1 * half);
  EXPECT_NEAR(got.high, got.score + half, 0.1 * half);
}

/// 100 rows of class 1 among 20,000; the standard error of the AUC by DeLong et al. (1988).
TEST(BootstrapInterval, OfARareClassIsNotLost) {
  const Sample s = random_sample(Task::kBinary, 20'000, 0.005, false, 8);
  std::vector<double> positive, negative;
  for (std::size_t i = 0; i < s.y.size(); ++i) (s.y[i] == 1 ? positive : negative).push_back(s.prediction[i]);
  const auto variance = [](const std::vector<double>& of, const std::vector<double>& against) {
    double sum = 0, sum_sq = 0;
    for (const double a : of) {
      double above = 0;
      for (const double b : against) above += a > b ? 1 : 0;
      above /= static_cast<double>(against.size());
      sum += above;
      sum_sq += above * above;
    }
    const auto n = static_cast<double>(of.size());
    return (sum_sq / n - sum / n * (sum / n)) / n;
  };
  const double half = 1.96 * std::sqrt(variance(positive, negative) + variance(negative, positive));
  const auto got = bootstrap_interval(metric_for("roc_auc", Task::kBinary), s.view(), s.prediction,
                                      {1000, 0.95}, seeded(1));
  EXPECT_NEAR(got.high - got.low, 2 * half, 0.2 * half);
}

/// Blocks of 2000 of 30,000 rows: 200 draws have a standard error of about 8 % of the width.
TEST(BootstrapInterval, OfSmallBlocksIsThatOfLargeOnes) {
  for (const auto& [name, task] :
       {std::pair{"roc_auc", Task::kBinary}, {"f1", Task::kBinary}, {"rmse", Task::kRegression}}) {
    SCOPED_TRACE(name);
    const Sample s = random_sample(task, 30'000, 0.05, false, 9);
    const Metric& metric = metric_for(name, task);
    const auto large = bootstrap_interval(metric, s.view(), s.prediction, {1000}, seeded(1));
    const double score = metric.compute(s.view(), s.prediction);
    const auto small =
        bootstrap_interval(metric, s.view(), s.prediction, {200, 0.95, 2000, score}, seeded(1));
    EXPECT_NEAR(small.high - small.low, large.high - large.low, 0.3 * (large.high - large.low));
    EXPECT_NEAR(small.low, large.low, 0.3 * (large.high - large.low));
    EXPECT_EQ(small.score, score);
  }
}

TEST(BootstrapInterval, AfterTheDeadlineThereAreNoMoreDraws) {
  const Sample s = random_sample(Task::kBinary, 100, 0.3, false, 5);
  Context late = seeded(1);
  late.deadline = Deadline(Clock::system(), 0);
  const auto got = bootstrap_interval(metric_for("roc_auc", Task::kBinary), s.view(), s.prediction, {}, late);
  EXPECT_EQ(got.n_draws, 0U);
  EXPECT_TRUE(std::isnan(got.low));
  EXPECT_GT(got.score, 0.5);
}

TEST(BootstrapInterval, IsTheSameAtAnyNumberOfThreads) {
  ThreadPool pool(3);
  Context threads = seeded(4);
  threads.pool = &pool;
  threads.n_threads = 4;
  for (const std::size_t n : {500UL, 20'000UL}) {
    const Sample s = random_sample(Task::kBinary, n, 0.3, true, 6);
    const Metric& metric = metric_for("roc_auc", Task::kBinary);
    const auto one = bootstrap_interval(metric, s.view(), s.prediction, {30, 0.95}, seeded(4));
    const auto many = bootstrap_interval(metric, s.view(), s.prediction, {30, 0.95}, threads);
    EXPECT_EQ(one.low, many.low);
    EXPECT_EQ(one.high, many.high);
    const auto other = bootstrap_interval(metric, s.view(), s.prediction, {30, 0.95}, seeded(5));
    EXPECT_NE(one.low, other.low) << "the seed counts";
  }
}

TEST(BootstrapInterval, LeavesOutDrawsWithoutAScore) {
  const Metric& auc = metric_for("roc_auc", Task::kBinary);
  const std::vector<double> y = {0, 0, 0, 1}, p = {0.1, 0.4, 0.3, 0.35};
  const auto got = bootstrap_interval(auc, {Task::kBinary, y, {}, 2}, p, {1000, 0.95}, seeded(1));
  EXPECT_LT(got.n_draws, 750U) << "a draw has no row of class 1 with a chance of 1/e";
  EXPECT_GT(got.n_draws, 500U);
  EXPECT_GE(got.low, 0);
  EXPECT_LE(got.high, 1);
  const std::vector<double> one_class = {0, 0, 0, 0};
  const auto none = bootstrap_interval(auc, {Task::kBinary, one_class, {}, 2}, p, {10, 0.95}, seeded(1));
  EXPECT_TRUE(std::isnan(none.low) && std::isnan(none.high));
  EXPECT_EQ(none.n_draws, 0U);
}

TEST(BootstrapInterval, OfOneRowOrOneScoreIsAPoint) {
  const Metric& mae = metric_for("mae", Task::kRegression);
  const std::vector<double> y = {3, 9}, p = {2, 4}, weights = {1, 0};
  const auto got = bootstrap_interval(mae, {Task::kRegression, y, weights, 0}, p, {50, 0.95}, seeded(1));
  EXPECT_EQ(got.low, 1);
  EXPECT_EQ(got.high, 1);
  EXPECT_EQ(got.n_draws, 50U);
  const std::vector<double> negative = {-1, -2};
  const auto infinite = bootstrap_interval(metric_for("poisson", Task::kRegression),
                                           {Task::kRegression, y, {}, 0}, negative, {50, 0.95}, seeded(1));
  EXPECT_EQ(infinite.high, std::numeric_limits<double>::infinity());
}

TEST(BootstrapInterval, RefusesNoDrawsAndALevelThatIsNone) {
  const Metric& mae = metric_for("mae", Task::kRegression);
  const std::vector<double> y = {3}, p = {2};
  const auto with = [&](BootstrapOptions options) {
    return [&mae, &y, &p, options] {
      bootstrap_interval(mae, {Task::kRegression, y, {}, 0}, p, options, Context{});
    };
  };
  EXPECT_THAT(with({0, 0.95}), ThrowsMessage<Error>(HasSubstr("needs at least 1 draw: 0")));
  EXPECT_THAT(with({10, 95}), ThrowsMessage<Error>(HasSubstr("must be between 0 and 1: 95")));
}

}  // namespace
}  // namespace kolosal::metric
