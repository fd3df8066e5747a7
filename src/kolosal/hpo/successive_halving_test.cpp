#include "kolosal/hpo/successive_halving.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal::hpo {
namespace {

using testing::ElementsAre;
using Job = SuccessiveHalving::Job;

/// A learning curve: quality of the trial, reached like 1/sqrt(resource), so that early losses order the
/// trials imperfectly.
double curve(std::size_t trial, std::size_t resource) {
  Rng rng(derive_seed(1, {"curve", trial}));
  const double quality = rng.uniform(), slowness = rng.uniform();
  return quality + slowness / std::sqrt(static_cast<double>(resource));
}

struct Outcome {
  std::vector<std::size_t> n_by_rung;
  std::size_t total_resource = 0;
  double best = std::numeric_limits<double>::infinity();
};

/// n_workers jobs are running at any time; the oldest ends first.
Outcome simulate(SuccessiveHalving& halving, std::size_t n_workers, std::size_t max_jobs = 100'000) {
  Outcome out{std::vector<std::size_t>(halving.n_rungs()), 0, std::numeric_limits<double>::infinity()};
  std::deque<Job> running;
  for (std::size_t n_jobs = 0;;) {
    while (running.size() < n_workers && n_jobs < max_jobs) {
      const auto job = halving.next();
      if (!job) break;
      running.push_back(*job);
      ++out.n_by_rung[job->rung];
      out.total_resource += job->resource;
      ++n_jobs;
    }
    if (running.empty()) return out;
    const Job job = running.front();
    running.pop_front();
    const double loss = curve(job.trial, job.resource);
    if (job.rung + 1 == halving.n_rungs()) out.best = std::min(out.best, loss);
    halving.report(job.trial, job.rung, loss);
  }
}

TEST(RungResources, RiseByEtaToTheMaximum) {
  EXPECT_THAT(rung_resources({.min_resource = 1, .max_resource = 81, .eta = 3}),
              ElementsAre(1, 3, 9, 27, 81));
  EXPECT_THAT(rung_resources({.min_resource = 1, .max_resource = 81, .eta = 3, .early_stopping_rate = 3}),
              ElementsAre(27, 81));
  EXPECT_THAT(rung_resources({.min_resource = 10, .max_resource = 100, .eta = 4}), ElementsAre(10, 100));
  EXPECT_THAT(rung_resources({.min_resource = 7, .max_resource = 7, .eta = 2}), ElementsAre(7));
  EXPECT_THAT(rung_resources({.min_resource = 1, .max_resource = 4, .eta = 1.3}), ElementsAre(1, 2, 3, 4));
  EXPECT_THROW(rung_resources({.eta = 1}), Error);
  EXPECT_THROW(rung_resources({.min_resource = 10, .max_resource = 5}), Error);
  EXPECT_THROW(rung_resources({.min_resource = 1, .max_resource = 9, .eta = 3, .early_stopping_rate = 3}),
               Error);
}

/// Table 1 of the Hyperband paper: R = 81, eta = 3.
TEST(Hyperband, BracketsAreThoseOfThePaper) {
  std::vector<std::size_t> n;
  for (const Bracket& bracket : hyperband_brackets(1, 81, 3)) n.push_back(bracket.n_trials);
  EXPECT_THAT(n, ElementsAre(81, 34, 15, 8, 5));
}

TEST(SuccessiveHalving, SynchronousKeepsTheBestThirdOfEachRung) {
  for (const std::size_t n_workers : {1UL, 4UL, 50UL}) {
    SuccessiveHalving halving({.max_resource = 27, .eta = 3, .n_trials = 27, .asynchronous = false});
    const Outcome outcome = simulate(halving, n_workers);
    EXPECT_THAT(outcome.n_by_rung, ElementsAre(27, 9, 3, 1));
    EXPECT_EQ(outcome.total_resource, 4U * 27U);
    EXPECT_TRUE(halving.is_finished());
    EXPECT_FALSE(halving.next());
    for (std::size_t rung = 0; rung + 1 < 4; ++rung) {
      auto best = halving.ranking(rung);
      best.resize(best.size() / 3);
      EXPECT_THAT(halving.ranking(rung + 1), testing::UnorderedElementsAreArray(best));
    }
  }
}

TEST(SuccessiveHalving, SynchronousWaitsForTheRung) {
  SuccessiveHalving halving({.max_resource = 4, .eta = 2, .n_trials = 4, .asynchronous = false});
  for (int k = 0; k < 4; ++k) ASSERT_TRUE(halving.next());
  for (const std::size_t trial : {0UL, 1UL, 2UL}) halving.report(trial, 0, static_cast<double>(trial));
  EXPECT_FALSE(halving.next());
  EXPECT_FALSE(halving.is_finished());
  halving.report_failure(3, 0);
  EXPECT_EQ(halving.next(), (Job{0, 1, 2}));
  EXPECT_EQ(halving.next(), (Job{1, 1, 2}));
  EXPECT_FALSE(halving.next());
}

TEST(SuccessiveHalving, AFewTrialsStillReachTheTop) {
  SuccessiveHalving halving({.max_resource = 81, .eta = 3, .n_trials = 2, .asynchronous = false});
  EXPECT_THAT(simulate(halving, 1).n_by_rung, ElementsAre(2, 1, 1, 1, 1));
}

/// Figure 1 of Li et al. (2020): one worker, eta 3; every third trial is followed by a promotion.
TEST(SuccessiveHalving, AsynchronousPromotesAsSoonAsItCan) {
  SuccessiveHalving halving({.max_resource = 9, .eta = 3});
  std::vector<std::size_t> rungs;
  for (int k = 0; k < 13; ++k) {
    const Job job = *halving.next();
    rungs.push_back(job.rung);
    halving.report(job.trial, job.rung, static_cast<double>(job.trial));
  }
  EXPECT_THAT(rungs, ElementsAre(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 2));
}

TEST(SuccessiveHalving, AsynchronousPromotesOnlyTheBestOfThoseSeen) {
  SuccessiveHalving halving({.max_resource = 27, .eta = 3});
  std::deque<Job> running;
  for (int k = 0; k < 600; ++k) {
    const Job job = *halving.next();  // never waits
    if (job.rung > 0) {
      const auto seen = halving.ranking(job.rung - 1);
      const auto at = std::ranges::find(seen, job.trial) - seen.begin();
      EXPECT_LT(at, static_cast<std::ptrdiff_t>(seen.size() / 3));
    }
    running.push_back(job);
    if (running.size() < 4) continue;
    halving.report(running.front().trial, running.front().rung,
                   curve(running.front().trial, running.front().resource));
    running.pop_front();
  }
  EXPECT_GE(halving.ranking(3).size(), 10U);
}

TEST(SuccessiveHalving, FindsABetterTrialThanFullRunsOfTheSameCost) {
  SuccessiveHalving halving({.max_resource = 81, .eta = 3, .n_trials = 300});
  const Outcome outcome = simulate(halving, 2);
  double best_of_full_runs = std::numeric_limits<double>::infinity();
  for (std::size_t trial = 0; trial < outcome.total_resource / 81; ++trial)
    best_of_full_runs = std::min(best_of_full_runs, curve(trial, 81));
  EXPECT_LT(outcome.best, best_of_full_runs);
  EXPECT_LT(outcome.total_resource, 300U * 81U / 10U);
}

TEST(SuccessiveHalving, ATrialWithoutALossDoesNotGoOn) {
  SuccessiveHalving halving({.max_resource = 4, .eta = 2, .n_trials = 4});
  for (int k = 0; k < 4; ++k) halving.next();
  halving.report_failure(0, 0);
  halving.report(1, 0, std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(halving.next());
  halving.report(2, 0, 5);
  halving.report(3, 0, 4);
  EXPECT_EQ(halving.next(), (Job{3, 1, 2}));
}

TEST(SuccessiveHalving, GoesOnFromTheReportsOfAnEarlierProcess) {
  for (const bool asynchronous : {true, false}) {
    const HalvingParams params{.max_resource = 27, .eta = 3, .n_trials = 27, .asynchronous = asynchronous};
    std::vector<Job> done;
    SuccessiveHalving first(params);
    for (int k = 0; k < 20; ++k) {
      const Job job = *first.next();
      if (k == 5 || k == 19) continue;  // running when the process ended
      first.report(job.trial, job.rung, curve(job.trial, job.resource));
      done.push_back(job);
    }
    SuccessiveHalving second(params);
    for (const Job& job : done) second.report(job.trial, job.rung, curve(job.trial, job.resource));
    const Outcome outcome = simulate(second, 1);
    EXPECT_TRUE(second.is_finished());
    EXPECT_EQ(second.ranking(0).size(), 27U);
    if (!asynchronous) {
      EXPECT_EQ(second.ranking(1).size(), 9U);
      EXPECT_EQ(second.ranking(3).size(), 1U);
    }
  }
}

TEST(SuccessiveHalving, AJobTakenBackIsHandedOutAgain) {
  SuccessiveHalving halving({.max_resource = 4, .eta = 2});
  const Job first = *halving.next();
  halving.take_back(first);
  EXPECT_EQ(halving.next(), first);
  halving.report(0, 0, 1);
  halving.next();
  halving.report(1, 0, 2);
  const Job promotion = *halving.next();
  EXPECT_EQ(promotion, (Job{0, 1, 2}));
  halving.take_back(promotion);
  EXPECT_EQ(halving.next(), promotion);
}

}  // namespace
}  // namespace kolosal::hpo
