#include "kolosal/hpo/study.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <set>
#include <thread>

#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::hpo {
namespace {

using testing::HasSubstr;

SearchSpace plane() {
  SearchSpace space;
  space.add_float("x", -2, 2).add_float("y", -2, 2);
  return space;
}

/// Smallest, 0, at (0.5, -1).
double bowl(const ParamMap& params) {
  const double x = std::get<double>(params.at("x")) - 0.5, y = std::get<double>(params.at("y")) + 1;
  return x * x + y * y;
}

TEST(Study, FindsTheBestPointInEitherDirection) {
  Study low(plane(), {.seed = 4}), high(plane(), {.direction = Direction::kMaximize, .seed = 4});
  for (int k = 0; k < 300; ++k) {
    const auto a = *low.ask(), b = *high.ask();
    EXPECT_EQ(a.params, b.params);
    low.tell(a.number, bowl(a.params));
    high.tell(b.number, -bowl(b.params));
  }
  EXPECT_LT(*low.best()->value, 0.1);
  EXPECT_EQ(low.best()->number, high.best()->number);
  EXPECT_EQ(low.n_ended(), 300U);
}

TEST(Study, KeepsStatesAndIntermediateValues) {
  Study study(plane(), {});
  EXPECT_FALSE(study.best());
  for (int k = 0; k < 5; ++k) study.ask();
  study.report(0, 10, 0.9);
  study.report(0, 20, 0.7);
  study.tell_pruned(0, "worse than the median");
  study.tell(1, 0.8);
  study.tell(2, std::numeric_limits<double>::quiet_NaN());
  study.tell_failed(3, "out of memory");
  const auto trials = study.trials();
  EXPECT_EQ(trials[0].state, TrialState::kPruned);
  EXPECT_EQ(trials[0].value, 0.7);
  EXPECT_EQ(trials[0].intermediate.at(10), 0.9);
  EXPECT_EQ(trials[2].state, TrialState::kFailed);
  EXPECT_THAT(trials[2].note, HasSubstr("nan"));
  EXPECT_EQ(trials[3].note, "out of memory");
  EXPECT_EQ(trials[4].state, TrialState::kRunning);
  EXPECT_EQ(study.best()->number, 1U) << "a pruned trial is not the best";
  EXPECT_THROW(study.tell(1, 0.5), Error);
  EXPECT_THROW(study.tell(99, 0.5), Error);
}

TEST(Study, TakesPointsOfTheCaller) {
  Study study(plane(), {});
  const ParamMap point = {{"x", 0.5}, {"y", -1.0}};
  EXPECT_EQ(study.ask_with(point).params, point);
  EXPECT_THROW(study.ask_with({{"x", 5.0}, {"y", 0.0}}), Error);
  EXPECT_EQ(study.trials().size(), 1U);
}

TEST(Study, EndsWhenTheSamplerHasNothingLeft) {
  Study study(plane(), {.sampler = "grid"});
  std::size_t n = 0;
  while (study.ask()) ++n;
  EXPECT_EQ(n, 25U);
}

TEST(Study, ManyThreadsAskAndTell) {
  const TempFolder folder;
  Study study(plane(), {}, make_sqlite_storage(folder.file("a.sqlite"), "s"));
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int k = 0; k < 25; ++k) {
          const auto trial = *study.ask();
          study.report(trial.number, 1, 5);
          study.tell(trial.number, bowl(trial.params));
        }
      });
  }
  const auto trials = study.trials();
  ASSERT_EQ(trials.size(), 100U);
  for (const Trial& trial : trials) EXPECT_EQ(*trial.value, bowl(trial.params));
}

TEST(Study, GoesOnWhereItWas) {
  const TempFolder folder;
  const auto file = folder.file("a.sqlite");
  Study whole(plane(), {.seed = 3});
  for (int k = 0; k < 10; ++k) whole.ask();
  {
    Study study(plane(), {.seed = 3}, make_sqlite_storage(file, "s"));
    for (int k = 0; k < 6; ++k) study.ask();
    study.tell(0, 0.1 + 0.2);
    study.report(1, 7, 0.25);
    study.tell_pruned(1, "early");
    study.tell_failed(3, "no");
    study.report(4, 7, 0.5);
  }  // 2, 4 and 5 are running
  Study study(plane(), {.seed = 3}, make_sqlite_storage(file, "s"));
  const auto trials = study.trials();
  ASSERT_EQ(trials.size(), 6U);
  EXPECT_EQ(*trials[0].value, 0.1 + 0.2) << "to the last bit";
  EXPECT_EQ(trials[1].state, TrialState::kPruned);
  EXPECT_EQ(trials[1].intermediate.at(7), 0.25);
  EXPECT_EQ(trials[3].note, "no");
  std::vector<std::size_t> numbers;
  for (int k = 0; k < 5; ++k) {
    const auto trial = *study.ask();
    numbers.push_back(trial.number);
    if (trial.number < 10) {
      EXPECT_EQ(trial.params, whole.trials()[trial.number].params);
    }
    study.report(trial.number, 7, 0.4);
    study.tell(trial.number, 1);
  }
  EXPECT_THAT(numbers, testing::ElementsAre(2, 4, 5, 6, 7)) << "lost trials first, then new ones";
}

TEST(Study, ManyStudiesShareAFile) {
  const TempFolder folder;
  Study a(plane(), {}, make_sqlite_storage(folder.file("a.sqlite"), "a"));
  Study b(plane(), {.seed = 9}, make_sqlite_storage(folder.file("a.sqlite"), "b"));
  a.tell(a.ask()->number, 1);
  EXPECT_EQ(b.trials().size(), 0U);
  EXPECT_EQ(b.ask()->number, 0U);
}

TEST(Study, RefusesToGoOnWithOtherSettings) {
  const TempFolder folder;
  {
    Study study(plane(), {}, make_sqlite_storage(folder.file("a.sqlite"), "s"));
  }
  SearchSpace other = plane();
  other.add_float("z", 0, 1);
  try {
    Study study(other, {}, make_sqlite_storage(folder.file("a.sqlite"), "s"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    EXPECT_THAT(error.what(), HasSubstr("was made with other settings"));
  }
}

TEST(Study, LosesOnlyRunningTrialsToAKill) {
  const TempFolder folder;
  const auto file = folder.file("a.sqlite");
  const pid_t child = fork();
  if (child == 0) {
    Study study(plane(), {.seed = 3}, make_sqlite_storage(file, "s"));
    for (int k = 0; k < 20; ++k) study.tell(study.ask()->number, k);
    study.ask();
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  Study study(plane(), {.seed = 3}, make_sqlite_storage(file, "s"));
  EXPECT_EQ(study.n_ended(), 20U);
  EXPECT_EQ(study.ask()->number, 20U);
}

}  // namespace
}  // namespace kolosal::hpo
