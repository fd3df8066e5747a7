#include "kolosal/automl/best_checkpoint.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace kolosal::automl {
namespace {

constexpr std::size_t kRows = 40;

class BestCheckpointTest : public testing::Test {
 protected:
  BestCheckpointTest() {
    for (std::size_t i = 0; i < kRows; ++i) target_.push_back(i % 2 == 0 ? 0.0 : 1.0);
    all_ = {data::Task::kBinary, target_, {}, 2, {}};
    std::vector<std::uint32_t> rows(kRows);
    for (std::size_t i = 0; i < kRows; ++i) rows[i] = static_cast<std::uint32_t>(i);
    valid_ = std::make_unique<ValidRows>(all_, std::vector<pipeline::Split>{{{}, rows}});
  }

  /// Right by `margin` about all rows but the first n_wrong, where it is wrong by as much.
  TrialResult trial(std::size_t number, std::size_t n_wrong, double margin) const {
    TrialResult out;
    out.number = number;
    for (std::size_t i = 0; i < kRows; ++i)
      out.prediction.push_back(0.5 + ((target_[i] == 1) == (i >= n_wrong) ? margin : -margin));
    return out;
  }

  Blend alone(const std::vector<TrialResult>& results, std::size_t i) const {
    return blend_of({{i}, {1.0}, 0}, results, *valid_, metric_, BlendCare::kCheckpoint, Context());
  }

  const metric::Metric& metric_ = metric::metric_for("accuracy", data::Task::kBinary);
  std::vector<double> target_;
  data::TargetView all_;
  std::unique_ptr<ValidRows> valid_;
};

TEST_F(BestCheckpointTest, AnEarlierBlendOfABetterScoreComesBackWhereverItsTrialsStandNow) {
  BestCheckpoint best;
  const std::vector<TrialResult> early = {trial(3, 2, 0.3), trial(5, 10, 0.3)};
  Blend unscored = alone(early, 1);
  unscored.score = std::numeric_limits<double>::quiet_NaN();
  best.see(unscored, early, metric_);
  best.see(alone(early, 0), early, metric_);
  best.see(alone(early, 1), early, metric_);  // a worse one is not remembered
  const std::vector<TrialResult> later = {trial(1, 12, 0.3), early[0], early[1], trial(7, 8, 0.3)};
  const Blend chosen = best.or_better(alone(later, 3), later, *valid_, metric_, Context());
  EXPECT_EQ(chosen.trials, std::vector<std::size_t>{1});
  EXPECT_DOUBLE_EQ(chosen.score, 0.95);
}

TEST_F(BestCheckpointTest, TheLastBlendStaysWhenItsScoreIsNoWorse) {
  BestCheckpoint best;
  const std::vector<TrialResult> results = {trial(0, 4, 0.3), trial(1, 4, 0.2)};
  best.see(alone(results, 0), results, metric_);
  const Blend last = alone(results, 1);
  EXPECT_EQ(best.or_better(last, results, *valid_, metric_, Context()).trials, last.trials);
  EXPECT_EQ(BestCheckpoint().or_better(last, results, *valid_, metric_, Context()).trials, last.trials);
}

}  // namespace
}  // namespace kolosal::automl
