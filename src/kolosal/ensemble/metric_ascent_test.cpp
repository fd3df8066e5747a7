#include "kolosal/ensemble/metric_ascent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kolosal/core/random.hpp"

namespace kolosal::ensemble {
namespace {

/// Twelve classifiers of 1,500 rows whose errors differ, some of them far too sure of themselves: the log
/// loss then tells other things than the order of the rows does.
struct Problem {
  std::vector<double> target;
  std::vector<std::vector<double>> predictions;

  explicit Problem(std::uint64_t seed) {
    Rng rng(seed);
    for (std::size_t i = 0; i < 1500; ++i) target.push_back(static_cast<double>(rng.below(2)));
    for (std::size_t c = 0; c < 12; ++c) {
      const double noise = 1 + rng.uniform(), sureness = c % 3 == 0 ? 6 : 1;
      auto& p = predictions.emplace_back();
      for (const double t : target)
        p.push_back(1 / (1 + std::exp(-sureness * (2 * t - 1 + noise * rng.normal()))));
    }
  }
  data::TargetView y() const { return {data::Task::kBinary, target, {}, 2, {}}; }
  std::vector<std::span<const double>> candidates() const { return {predictions.begin(), predictions.end()}; }
  double score(const WeightedMembers& members, const metric::Metric& metric) const {
    std::vector<double> out(target.size());
    blend(candidates(), members, out);
    return metric.utility(metric.compute(y(), out));
  }
};

const metric::Metric& auc() { return metric::metric_for("roc_auc", data::Task::kBinary); }

TEST(MetricAscent, RaisesTheScoreOfWhatTheLossChoseAndKeepsToItsBounds) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Problem problem(seed);
    const auto start = greedy_selection(problem.y(), problem.candidates(), {}, {});
    for (const std::size_t max_members : {start.members.size(), std::size_t{5}}) {
      MetricAscentParams params;
      params.max_members = max_members;
      const auto found = metric_ascent(problem.y(), problem.candidates(), auc(), {start}, params, {});
      EXPECT_GT(problem.score(found, auc()), problem.score(start, auc()));
      EXPECT_LE(found.members.size(), max_members);
      EXPECT_LE(found.loss, start.loss * (1 + params.allowed_loss));
      EXPECT_NEAR(std::accumulate(found.weights.begin(), found.weights.end(), 0.0), 1, 1e-12);
    }
  }
}

TEST(MetricAscent, ReachesWhatNoMoveBetters) {
  const Problem problem(4);
  const auto start = greedy_selection(problem.y(), problem.candidates(), {}, {});
  MetricAscentParams params;
  params.max_moves = 200;
  const auto found = metric_ascent(problem.y(), problem.candidates(), auc(), {start}, params, {});
  const double reached = problem.score(found, auc());
  // From there by hand: a fifth or a twentieth more for each member, each member left out.
  for (std::size_t m = 0; m < found.members.size(); ++m)
    for (const double share : {0.2, 0.05, -1.0}) {
      WeightedMembers moved = found;
      const double rest = share < 0 ? 1 / (1 - found.weights[m]) : 1 - share;
      for (std::size_t k = 0; k < moved.weights.size(); ++k)
        moved.weights[k] =
            k == m ? (share < 0 ? 0 : found.weights[m] * rest + share) : found.weights[k] * rest;
      std::vector<double> out(problem.target.size());
      blend(problem.candidates(), moved, out);
      if (metric::training_loss(problem.y(), out) > start.loss * (1 + params.allowed_loss)) continue;
      EXPECT_LE(problem.score(moved, auc()), reached + 1e-6);
    }
}

TEST(MetricAscent, WhatCanNotBeBetteredStays) {
  const Problem problem(5);
  const WeightedMembers start{{3, 1}, {0.7, 0.3}, 0};
  MetricAscentParams params;
  params.allowed_loss = -1;  // no blend is allowed
  const auto found = metric_ascent(problem.y(), problem.candidates(), auc(), {start}, params, {});
  EXPECT_EQ(found.members, start.members);
  EXPECT_EQ(found.weights, start.weights);
}

TEST(MetricAscent, ASingleMemberIsChangedForABetterOneOnly) {
  const Problem problem(6);
  const auto start = greedy_selection(problem.y(), problem.candidates(), {.max_members = 1}, {});
  MetricAscentParams params;
  params.max_members = 1;
  params.allowed_loss = 100;
  const auto found = metric_ascent(problem.y(), problem.candidates(), auc(), {start}, params, {});
  ASSERT_EQ(found.members.size(), 1U);
  for (std::size_t c = 0; c < problem.predictions.size(); ++c)
    EXPECT_GE(problem.score(found, auc()), problem.score({{c}, {1.0}, 0}, auc()));
}

TEST(MetricAscent, SameResultForAnyNumberOfThreadsAndTheStartAfterTheDeadline) {
  const Problem problem(7);
  const auto start = greedy_selection(problem.y(), problem.candidates(), {}, {});
  ThreadPool pool(3);
  const auto one = metric_ascent(problem.y(), problem.candidates(), auc(), {start}, {}, {});
  const auto three =
      metric_ascent(problem.y(), problem.candidates(), auc(), {start}, {}, {.pool = &pool, .n_threads = 3});
  EXPECT_EQ(one.members, three.members);
  EXPECT_EQ(one.weights, three.weights);
  CancelToken cancel;
  cancel.cancel();
  const auto late = metric_ascent(problem.y(), problem.candidates(), auc(), {start}, {}, {.cancel = &cancel});
  EXPECT_EQ(late.weights, start.weights);
}

}  // namespace
}  // namespace kolosal::ensemble
