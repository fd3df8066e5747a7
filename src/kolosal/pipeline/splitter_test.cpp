#include "kolosal/pipeline/splitter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal::pipeline {
namespace {

using data::TargetView;
using data::Task;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::uint32_t> all_rows(std::size_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

/// Classes by share; the last class takes the rest.
std::vector<double> classes(std::size_t n, const std::vector<double>& shares, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<double> out;
  for (std::size_t i = 0; i < n; ++i) {
    double u = rng.uniform();
    std::size_t c = 0;
    while (c + 1 < shares.size() && u >= shares[c]) u -= shares[c++];
    out.push_back(static_cast<double>(c));
  }
  return out;
}

/// What holds for every split: both sides sorted, not empty, no row twice, only rows that were given.
void check_split(const Split& split, const std::vector<std::uint32_t>& rows) {
  EXPECT_TRUE(std::ranges::is_sorted(split.train));
  EXPECT_TRUE(std::ranges::is_sorted(split.valid));
  EXPECT_FALSE(split.train.empty());
  EXPECT_FALSE(split.valid.empty());
  std::vector<std::uint32_t> both;
  std::ranges::merge(split.train, split.valid, std::back_inserter(both));
  EXPECT_TRUE(std::ranges::adjacent_find(both) == both.end());
  EXPECT_TRUE(std::ranges::includes(rows, both));
}

std::string message_of(const TargetView& y, const std::vector<std::uint32_t>& rows, const SplitPlan& plan) {
  try {
    make_splits(y, rows, plan, 1);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(Splitter, KFoldValidatesEveryRowOnceAndKeepsTheClassShares) {
  const auto y = classes(503, {0.1, 0.3, 0.6}, 1);
  const auto rows = all_rows(y.size());
  const auto splits = make_splits({Task::kMulticlass, y, {}, 3}, rows, {}, 7);
  ASSERT_EQ(splits.size(), 5U);
  std::vector<int> validated(y.size());
  for (const Split& split : splits) {
    check_split(split, rows);
    EXPECT_EQ(split.train.size() + split.valid.size(), y.size());
    EXPECT_NEAR(static_cast<double>(split.valid.size()), 503 / 5.0, 1);
    for (const std::uint32_t row : split.valid) ++validated[row];
    for (const double c : {0.0, 1.0, 2.0}) {
      const auto in_fold = std::ranges::count_if(split.valid, [&](std::uint32_t row) { return y[row] == c; });
      EXPECT_NEAR(static_cast<double>(in_fold), static_cast<double>(std::ranges::count(y, c)) / 5, 1);
    }
  }
  EXPECT_THAT(validated, Each(1));
}

TEST(Splitter, TakesOnlyTheRowsGiven) {
  const auto y = classes(100, {0.5, 0.5}, 1);
  const std::vector<std::uint32_t> rows = {3, 5, 8, 13, 21, 34, 55, 89, 90, 91};
  for (const SplitKind kind : {SplitKind::kKFold, SplitKind::kHoldOut})
    for (const Split& split : make_splits({Task::kBinary, y, {}, 2}, rows, {.kind = kind}, 7))
      check_split(split, rows);
}

TEST(Splitter, SameSeedSameSplitsAnotherSeedOthers) {
  const auto y = classes(200, {0.5, 0.5}, 1);
  const TargetView view{Task::kBinary, y, {}, 2};
  const auto rows = all_rows(y.size());
  for (const SplitKind kind : {SplitKind::kKFold, SplitKind::kHoldOut}) {
    const auto a = make_splits(view, rows, {.kind = kind}, 7), b = make_splits(view, rows, {.kind = kind}, 7);
    EXPECT_EQ(a[0].valid, b[0].valid);
    EXPECT_NE(a[0].valid, make_splits(view, rows, {.kind = kind}, 8)[0].valid);
  }
}

TEST(Splitter, RepeatsAreDifferent) {
  const auto y = classes(60, {0.5, 0.5}, 1);
  const auto splits = make_splits({Task::kBinary, y, {}, 2}, all_rows(60),
                                  {.kind = SplitKind::kRepeatedKFold, .n_folds = 3, .n_repeats = 2}, 7);
  ASSERT_EQ(splits.size(), 6U);
  EXPECT_NE(splits[0].valid, splits[3].valid);
}

TEST(Splitter, RareClassesStayInTraining) {
  std::vector<double> y(100, 0.0);
  y[10] = y[20] = 1;  // two rows
  y[30] = 2;          // one row
  const TargetView view{Task::kMulticlass, y, {}, 3};
  for (const bool stratify : {true, false})
    for (const SplitKind kind : {SplitKind::kKFold, SplitKind::kHoldOut})
      for (std::uint64_t seed = 0; seed < 50; ++seed)
        for (const Split& split :
             make_splits(view, all_rows(100), {.kind = kind, .stratify = stratify}, seed)) {
          std::set<double> seen;
          for (const std::uint32_t row : split.train) seen.insert(y[row]);
          EXPECT_THAT(seen, ElementsAre(0, 1, 2));
        }
}

TEST(Splitter, RegressionIsStratifiedByQuantileBins) {
  Rng rng(5);
  std::vector<double> y(1000);
  for (double& v : y) v = std::exp(2 * rng.normal());
  std::vector<double> sorted = y;
  std::ranges::sort(sorted);
  for (const Split& split : make_splits({Task::kRegression, y, {}, 0}, all_rows(1000), {}, 7)) {
    // 20 bins of 50 rows: 10 of each are in the fold. The top bin holds most of the variance.
    for (const std::size_t bin : {0UL, 7UL, 19UL}) {
      const auto n = std::ranges::count_if(split.valid, [&](std::uint32_t row) {
        return y[row] >= sorted[bin * 50] && y[row] <= sorted[bin * 50 + 49];
      });
      EXPECT_EQ(n, 10);
    }
  }
}

TEST(Splitter, HoldOutHasTheAskedSizeAndTheClassShares) {
  const auto y = classes(10'000, {0.02, 0.98}, 1);
  const auto rows = all_rows(y.size());
  const auto splits = make_splits({Task::kBinary, y, {}, 2}, rows, {.kind = SplitKind::kHoldOut}, 7);
  ASSERT_EQ(splits.size(), 1U);
  check_split(splits[0], rows);
  EXPECT_EQ(splits[0].valid.size(), 1000U);
  const auto rare = std::ranges::count_if(splits[0].valid, [&](std::uint32_t row) { return y[row] == 0; });
  EXPECT_NEAR(static_cast<double>(rare), static_cast<double>(std::ranges::count(y, 0.0)) / 10, 1);
  const auto capped =
      make_splits({Task::kBinary, y, {}, 2}, rows, {.kind = SplitKind::kHoldOut, .max_valid_rows = 300}, 7);
  EXPECT_EQ(capped[0].valid.size(), 300U);
  EXPECT_EQ(capped[0].train.size(), 9700U);
}

TEST(Splitter, GroupsAreNeverOnBothSidesAndFoldsAreBalanced) {
  Rng rng(3);
  std::vector<double> y;
  std::vector<std::int64_t> groups;
  for (std::int64_t g = 0; g < 80; ++g)
    for (std::uint64_t i = 0, size = 1 + rng.below(30); i < size; ++i) {
      y.push_back(rng.uniform() < (g % 4 == 0 ? 0.8 : 0.1) ? 1 : 0);
      groups.push_back(1000 - 7 * g);
    }
  const auto rows = all_rows(y.size());
  const double positives = static_cast<double>(std::ranges::count(y, 1.0)) / static_cast<double>(y.size());
  for (const SplitKind kind : {SplitKind::kKFold, SplitKind::kHoldOut})
    for (const Split& split : make_splits({Task::kBinary, y, {}, 2}, rows,
                                          {.kind = kind, .valid_share = 0.2, .groups = groups}, 7)) {
      check_split(split, rows);
      std::set<std::int64_t> train, valid, both;
      for (const std::uint32_t row : split.train) train.insert(groups[row]);
      for (const std::uint32_t row : split.valid) valid.insert(groups[row]);
      std::ranges::set_intersection(train, valid, std::inserter(both, both.end()));
      EXPECT_TRUE(both.empty());
      const auto n_valid = static_cast<double>(split.valid.size());
      EXPECT_NEAR(n_valid / static_cast<double>(y.size()), 0.2, 0.01);
      const auto n_positive =
          std::ranges::count_if(split.valid, [&](std::uint32_t row) { return y[row] == 1; });
      EXPECT_NEAR(static_cast<double>(n_positive) / n_valid, positives, 0.03);
    }
}

TEST(Splitter, FewGroupsMakeFewFolds) {
  const std::vector<double> y = {0, 1, 0, 1, 0, 1, 1, 1, 1, 1};
  const std::vector<std::int64_t> groups = {1, 1, 2, 2, 3, 3, 3, 3, 3, 3};
  EXPECT_EQ(make_splits({Task::kBinary, y, {}, 2}, all_rows(10), {.groups = groups}, 1).size(), 3U);
  const auto hold_out = make_splits({Task::kBinary, y, {}, 2}, all_rows(10),
                                    {.kind = SplitKind::kHoldOut, .groups = groups}, 1);
  EXPECT_EQ(hold_out[0].valid.size(), 2U);
}

TEST(Splitter, ValidationIsLaterThanTraining) {
  Rng rng(9);
  std::vector<double> y(400, 1.0);
  std::vector<std::int64_t> times(400);
  for (auto& t : times) t = static_cast<std::int64_t>(rng.below(60));
  const auto rows = all_rows(400);
  for (const SplitKind kind : {SplitKind::kKFold, SplitKind::kHoldOut}) {
    const auto splits = make_splits({Task::kRegression, y, {}, 0}, rows, {.kind = kind, .times = times}, 7);
    EXPECT_EQ(splits.size(), kind == SplitKind::kHoldOut ? 1U : 5U);
    std::size_t n_train = 0;
    for (const Split& split : splits) {
      check_split(split, rows);
      std::int64_t last = 0, first = 60;
      for (const std::uint32_t row : split.train) last = std::max(last, times[row]);
      for (const std::uint32_t row : split.valid) first = std::min(first, times[row]);
      EXPECT_LT(last, first);
      EXPECT_GT(split.train.size(), n_train) << "the window expands";
      n_train = split.train.size();
      EXPECT_NEAR(static_cast<double>(split.valid.size()), kind == SplitKind::kHoldOut ? 40 : 400 / 6.0, 12);
    }
  }
}

TEST(Splitter, FewTimesMakeFewFolds) {
  const std::vector<double> y(10, 1.0);
  const std::vector<std::int64_t> times = {2, 2, 2, 1, 1, 1, 1, 3, 3, 3};
  const auto splits = make_splits({Task::kRegression, y, {}, 0}, all_rows(10), {.times = times}, 7);
  ASSERT_EQ(splits.size(), 2U);
  EXPECT_THAT(splits[0].train, ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(splits[0].valid, ElementsAre(0, 1, 2));
  EXPECT_THAT(splits[1].valid, ElementsAre(7, 8, 9));
}

TEST(Splitter, GroupsLeaveTrainingWhenTheyValidateLater) {
  const std::vector<double> y(6, 1.0);
  const std::vector<std::int64_t> times = {1, 2, 3, 4, 5, 6}, groups = {1, 1, 2, 2, 3, 1};
  const auto splits = make_splits({Task::kRegression, y, {}, 0}, all_rows(6),
                                  {.n_folds = 2, .groups = groups, .times = times}, 7);
  ASSERT_EQ(splits.size(), 2U);
  EXPECT_THAT(splits[1].valid, ElementsAre(4, 5));
  EXPECT_THAT(splits[1].train, ElementsAre(2, 3));
}

TEST(Splitter, SaysWhyItIsImpossible) {
  const std::vector<double> y = {0, 1, 0, 1};
  const TargetView view{Task::kBinary, y, {}, 2};
  const std::vector<std::int64_t> same = {5, 5, 5, 5};
  EXPECT_EQ(message_of(view, all_rows(4), {}), "5 folds need at least 5 rows, but there are 4");
  EXPECT_EQ(message_of(view, all_rows(1), {.kind = SplitKind::kHoldOut}),
            "training and validation need at least 2 rows, but there are 1");
  EXPECT_THAT(message_of(view, all_rows(4), {.n_folds = 2, .groups = same}),
              HasSubstr("all 4 rows are of one group"));
  EXPECT_THAT(message_of(view, all_rows(4), {.n_folds = 2, .times = same}),
              HasSubstr("all 4 rows have the same"));
  EXPECT_THROW(make_splits(view, all_rows(4), {.n_folds = 1}, 1), Error);
}

TEST(Splitter, OneRowPerClassCanNotBeValidated) {
  const std::vector<double> y = {0, 1, 2, 3, 4};
  EXPECT_THAT(message_of({Task::kMulticlass, y, {}, 5}, all_rows(5), {}), HasSubstr("can not be split"));
}

TEST(PlanForSize, FollowsTheStrategy) {
  const TargetView y{Task::kRegression, {}, {}, 0};
  EXPECT_EQ(plan_for_size(999, 200, y).kind, SplitKind::kRepeatedKFold);
  EXPECT_EQ(plan_for_size(999, 10'000, y).kind, SplitKind::kKFold);
  EXPECT_EQ(plan_for_size(999, 10, y).n_repeats, 2U);
  EXPECT_EQ(plan_for_size(3, 10, y).n_folds, 3U);
  EXPECT_EQ(plan_for_size(1000, 10, y).kind, SplitKind::kKFold);
  EXPECT_EQ(plan_for_size(19'999, 100, y).kind, SplitKind::kKFold);
  EXPECT_EQ(plan_for_size(19'999, 101, y).kind, SplitKind::kHoldOut);
  EXPECT_EQ(plan_for_size(20'000, 2, y).valid_share, 0.1);
  EXPECT_EQ(plan_for_size(10'000, 1000, y).valid_share, 0.2);
  EXPECT_EQ(plan_for_size(2'000, 1000, y).valid_share, 0.25);
  EXPECT_EQ(plan_for_size(5'000'000, 10, y).max_valid_rows, 50'000U);
}

TEST(PlanForSize, RarePositivesGetALargerHoldOut) {
  std::vector<double> y(30'000, 0.0);
  std::fill_n(y.begin(), 200, 1.0);
  EXPECT_DOUBLE_EQ(plan_for_size(30'000, 5, {Task::kBinary, y, {}, 2}).valid_share, 0.15);
}

}  // namespace
}  // namespace kolosal::pipeline
