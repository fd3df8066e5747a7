#include "kolosal/ensemble/greedy_selection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;
using testing::ElementsAre;

/// A problem with candidates of differing noise, some of which share their errors.
struct Problem {
  Task task;
  std::size_t n_classes = 0;
  std::vector<double> y, weights;
  std::vector<std::vector<double>> predictions;

  std::vector<double> quantiles = {};

  TargetView view() const { return {task, y, weights, n_classes, quantiles}; }
  std::vector<std::span<const double>> candidates() const { return {predictions.begin(), predictions.end()}; }
};

Problem make_problem(Task task, std::size_t n_rows, std::size_t n_candidates, std::uint64_t seed,
                     bool weighted = false, std::vector<double> quantiles = {}) {
  Problem out{task, task == Task::kRegression ? 0U : task == Task::kBinary ? 2U : 4U, {}, {}, {}};
  out.quantiles = std::move(quantiles);
  Rng rng(seed);
  std::vector<double> shared;
  for (std::size_t i = 0; i < n_rows; ++i) {
    out.y.push_back(task == Task::kRegression ? rng.normal() : static_cast<double>(rng.below(out.n_classes)));
    if (weighted) out.weights.push_back(0.1 + rng.uniform());
    shared.push_back(rng.normal());
  }
  const std::size_t n_outputs = out.view().n_outputs();
  for (std::size_t c = 0; c < n_candidates; ++c) {
    const double noise = 0.7 + 0.5 * rng.uniform(), common = rng.uniform();
    auto& p = out.predictions.emplace_back(n_rows * n_outputs);
    for (std::size_t i = 0; i < n_rows; ++i) {
      auto error = [&] { return noise * (common * shared[i] + (1 - common) * rng.normal()); };
      if (task == Task::kRegression) {
        for (std::size_t k = 0; k < n_outputs; ++k) p[i * n_outputs + k] = out.y[i] + error();
      } else if (task == Task::kBinary) {
        p[i] = 1 / (1 + std::exp(-(2 * out.y[i] - 1 + 1.5 * error())));
      } else {
        double sum = 0;
        for (std::size_t k = 0; k < n_outputs; ++k)
          sum += p[i * n_outputs + k] = std::exp((static_cast<double>(k) == out.y[i] ? 1.0 : 0.0) + error());
        for (std::size_t k = 0; k < n_outputs; ++k) p[i * n_outputs + k] /= sum;
      }
    }
  }
  return out;
}

/// Caruana's selection by the definition: every blend is made and scored in full.
WeightedMembers plain_selection(const Problem& problem, std::size_t n_steps) {
  const auto candidates = problem.candidates();
  std::vector<double> counts(candidates.size()), best_counts;
  double best_of_all = std::numeric_limits<double>::infinity();
  for (std::size_t step = 1; step <= n_steps; ++step) {
    double best = std::numeric_limits<double>::infinity();
    std::size_t chosen = 0;
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      std::vector<double> mean(candidates[c].size());
      for (std::size_t k = 0; k < candidates.size(); ++k)
        for (std::size_t i = 0; i < mean.size(); ++i)
          mean[i] += (counts[k] + (k == c ? 1 : 0)) * candidates[k][i] / static_cast<double>(step);
      const double loss = metric::training_loss(problem.view(), mean);
      if (loss < best) {
        best = loss;
        chosen = c;
      }
    }
    ++counts[chosen];
    if (best < best_of_all) {
      best_of_all = best;
      best_counts = counts;
    }
  }
  WeightedMembers out;
  out.loss = best_of_all;
  out.weights = best_counts;
  const double total = std::accumulate(best_counts.begin(), best_counts.end(), 0.0);
  for (double& w : out.weights) w /= total;
  return out;
}

TEST(GreedySelection, IsCaruanasSelectionByTheDefinition) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
    for (const bool weighted : {false, true})
      for (const std::size_t n_rows : {300UL, 517UL}) {
        SCOPED_TRACE(testing::Message() << data::task_name(task) << " " << weighted << " " << n_rows);
        const Problem problem = make_problem(task, n_rows, 8, n_rows, weighted);
        const auto want = plain_selection(problem, 15);
        const auto got = greedy_selection(problem.view(), problem.candidates(),
                                          {.n_steps = 15, .max_members = 8, .minimum_weight = 0}, {});
        EXPECT_NEAR(got.loss, want.loss, 1e-6);
        ASSERT_EQ(got.members.size(), got.weights.size());
        std::vector<double> weights(8);
        for (std::size_t m = 0; m < got.members.size(); ++m) weights[got.members[m]] = got.weights[m];
        EXPECT_THAT(weights, testing::Pointwise(testing::DoubleNear(1e-9), want.weights));
        EXPECT_TRUE(std::ranges::is_sorted(got.weights, std::greater{}));
      }
}

TEST(GreedySelection, OfQuantilesIsTheSelectionByTheirMeanPinballLoss) {
  for (const std::vector<double>& quantiles : {std::vector{0.5}, {0.1, 0.5, 0.9}})
    for (const bool weighted : {false, true}) {
      SCOPED_TRACE(testing::Message() << quantiles.size() << " " << weighted);
      const Problem problem = make_problem(Task::kRegression, 517, 8, 5, weighted, quantiles);
      const auto want = plain_selection(problem, 15);
      const auto got = greedy_selection(problem.view(), problem.candidates(),
                                        {.n_steps = 15, .max_members = 8, .minimum_weight = 0}, {});
      EXPECT_NEAR(got.loss, want.loss, 1e-6);
      std::vector<double> weights(8);
      for (std::size_t m = 0; m < got.members.size(); ++m) weights[got.members[m]] = got.weights[m];
      EXPECT_THAT(weights, testing::Pointwise(testing::DoubleNear(1e-9), want.weights));
    }
}

TEST(GreedySelection, IsNoWorseThanTheBestCandidate) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
    const Problem problem = make_problem(task, 2000, 12, 4);
    const auto got = greedy_selection(problem.view(), problem.candidates(), {}, {});
    for (const auto& candidate : problem.candidates())
      EXPECT_LE(got.loss, metric::training_loss(problem.view(), candidate) + 1e-9);
    EXPECT_LE(got.members.size(), 5U);
    EXPECT_NEAR(std::accumulate(got.weights.begin(), got.weights.end(), 0.0), 1, 1e-12);
  }
}

TEST(GreedySelection, TheLossIsThatOfTheBlend) {
  const Problem problem = make_problem(Task::kMulticlass, 700, 6, 4, true);
  const auto got = greedy_selection(problem.view(), problem.candidates(), {.n_bags = 3}, {});
  std::vector<double> blended(problem.predictions[0].size());
  blend(problem.candidates(), got, blended);
  EXPECT_DOUBLE_EQ(got.loss, metric::training_loss(problem.view(), blended));
}

TEST(GreedySelection, KeepsAtMostTheAskedNumberOfMembersAndDropsLightOnes) {
  const Problem problem = make_problem(Task::kBinary, 3000, 20, 11);
  EXPECT_GT(
      greedy_selection(problem.view(), problem.candidates(), {.max_members = 20, .minimum_weight = 0}, {})
          .members.size(),
      3U);
  EXPECT_EQ(
      greedy_selection(problem.view(), problem.candidates(), {.max_members = 3, .minimum_weight = 0}, {})
          .members.size(),
      3U);
  EXPECT_EQ(greedy_selection(problem.view(), problem.candidates(), {.max_members = 1}, {}).weights,
            std::vector{1.0});
  for (const double w :
       greedy_selection(problem.view(), problem.candidates(), {.max_members = 20, .minimum_weight = 0.15}, {})
           .weights)
    EXPECT_GE(w, 0.15);
}

TEST(GreedySelection, SameResultForAnyNumberOfThreads) {
  ThreadPool pool(4);
  for (const Task task : {Task::kBinary, Task::kRegression}) {
    const Problem problem = make_problem(task, 5000, 30, 2);
    const GreedySelectionParams params{.max_rows = 3000, .n_bags = 3};
    const auto one = greedy_selection(problem.view(), problem.candidates(), params, {.seed = 5});
    const auto four = greedy_selection(problem.view(), problem.candidates(), params,
                                       {.pool = &pool, .n_threads = 4, .seed = 5});
    EXPECT_EQ(one.members, four.members);
    EXPECT_EQ(one.weights, four.weights);
    EXPECT_EQ(one.loss, four.loss);
  }
}

TEST(GreedySelection, LeavesOutRowsWithoutAPrediction) {
  Problem problem = make_problem(Task::kMulticlass, 400, 5, 3);
  Problem whole = problem;
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t c = 0; c < 5; ++c) {  // rows 0..49 were in no fold
    std::fill_n(problem.predictions[c].begin(), 200, kNaN);
    whole.predictions[c].erase(whole.predictions[c].begin(), whole.predictions[c].begin() + 200);
  }
  whole.y.erase(whole.y.begin(), whole.y.begin() + 50);
  const auto got = greedy_selection(problem.view(), problem.candidates(), {}, {});
  const auto want = greedy_selection(whole.view(), whole.candidates(), {}, {});
  EXPECT_EQ(got.members, want.members);
  EXPECT_EQ(got.weights, want.weights);
  EXPECT_EQ(got.loss, want.loss);
  std::ranges::fill(problem.predictions[2], kNaN);
  EXPECT_THROW(greedy_selection(problem.view(), problem.candidates(), {}, {}), Error);
}

TEST(GreedySelection, CertainAndWrongIsFiniteAndNotChosen) {
  const std::vector<double> y(600, 1.0), wrong(600, 0.0), fair(600, 0.6);
  const auto got = greedy_selection({Task::kBinary, y, {}, 2}, {wrong, fair}, {}, {});
  EXPECT_THAT(got.members, ElementsAre(1));
  EXPECT_NEAR(got.loss, -std::log(0.6), 1e-9);
  const auto only = greedy_selection({Task::kBinary, y, {}, 2}, {wrong}, {}, {});
  EXPECT_NEAR(only.loss, -std::log(1e-15), 1e-6);
}

TEST(GreedySelection, AfterTheDeadlineItIsTheBestCandidate) {
  const Problem problem = make_problem(Task::kBinary, 1000, 10, 8);
  CancelToken cancel;
  cancel.cancel();
  const auto got = greedy_selection(problem.view(), problem.candidates(), {}, {.cancel = &cancel});
  ASSERT_EQ(got.members.size(), 1U);
  for (const auto& candidate : problem.candidates())
    EXPECT_LE(got.loss, metric::training_loss(problem.view(), candidate));
}

TEST(GreedySelection, SpendsNoMoreThanAllowed) {
  const Problem problem = make_problem(Task::kBinary, 1500, 12, 5);
  GreedySelectionParams params;
  Rng rng(2);
  for (std::size_t c = 0; c < 12; ++c) params.costs.push_back(0.1 + (c == 0 ? 0.1 : rng.uniform()));
  const double free_loss = greedy_selection(problem.view(), problem.candidates(), {}, {}).loss;
  double before = std::numeric_limits<double>::infinity();
  for (const double limit : {0.3, 0.6, 1.2, 2.4, 100.0}) {
    params.max_cost = limit;
    const auto chosen = greedy_selection(problem.view(), problem.candidates(), params, {});
    double cost = 0;
    for (const std::size_t c : chosen.members) cost += params.costs[c];
    EXPECT_LE(cost, limit);
    EXPECT_LE(chosen.loss, before + 1e-3);  // more may be spent: not worse
    before = chosen.loss;
  }
  EXPECT_NEAR(before, free_loss, 1e-3);
  params.max_cost = 0.01;  // nothing is so cheap
  EXPECT_THAT(greedy_selection(problem.view(), problem.candidates(), params, {}).members,
              ElementsAre(std::ranges::min_element(params.costs) - params.costs.begin()));
}

TEST(GreedySelection, UnderALimitTheBestSetIsFoundThoughItsMembersAreNotTheBestAlone) {
  // The first two err in opposite ways, so that together they are far better than any other pair; each alone
  // is the worst, and neither costs what half of the limit would allow.
  Problem problem{Task::kRegression, 0, {}, {}, {}};
  Rng rng(3);
  problem.predictions.resize(6);
  for (std::size_t i = 0; i < 2000; ++i) {
    problem.y.push_back(rng.normal());
    const double error = rng.normal();
    problem.predictions[0].push_back(problem.y[i] + error);
    problem.predictions[1].push_back(problem.y[i] - error);
    for (std::size_t c = 2; c < 6; ++c)
      problem.predictions[c].push_back(problem.y[i] + (0.6 + 0.02 * static_cast<double>(c)) * rng.normal());
  }
  GreedySelectionParams params;
  params.costs = {0.65, 0.35, 0.5, 0.5, 0.5, 0.5};
  params.max_cost = 1;
  const auto chosen = greedy_selection(problem.view(), problem.candidates(), params, {});
  EXPECT_THAT(chosen.members, testing::UnorderedElementsAre(0, 1));
  EXPECT_LT(chosen.loss, 1e-6);
}

TEST(GreedySelection, UnderALimitTheBestSetIsFoundForQuantilesToo) {
  for (const std::size_t n_rows : {2000U, 9000U}) {  // all rows, and some of them, decide which set is best
    SCOPED_TRACE(n_rows);
    Problem problem{Task::kRegression, 0, {}, {}, {}};
    problem.quantiles = {0.2, 0.5, 0.9};
    Rng rng(5);
    problem.predictions.resize(6);
    for (std::size_t i = 0; i < n_rows; ++i) {
      problem.y.push_back(rng.normal());
      for (std::size_t k = 0; k < problem.quantiles.size(); ++k) {
        // The first two are perfect in the lowest quantile: the others decide.
        const double error = k == 0 ? 0 : rng.normal();
        problem.predictions[0].push_back(problem.y[i] + error);
        problem.predictions[1].push_back(problem.y[i] - error);
        for (std::size_t c = 2; c < 6; ++c)
          problem.predictions[c].push_back(problem.y[i] +
                                           (0.6 + 0.02 * static_cast<double>(c)) * rng.normal());
      }
    }
    GreedySelectionParams params;
    params.costs = {0.65, 0.35, 0.5, 0.5, 0.5, 0.5};
    params.max_cost = 1;
    const auto chosen = greedy_selection(problem.view(), problem.candidates(), params, {});
    EXPECT_THAT(chosen.members, testing::UnorderedElementsAre(0, 1));
    EXPECT_LT(chosen.loss, 1e-6);
  }
}

}  // namespace
}  // namespace kolosal::ensemble
