#include "kolosal/automl/lighter_blend.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "kolosal/core/random.hpp"

namespace kolosal::automl {
namespace {

using ::testing::ElementsAre;

constexpr std::size_t kRows = 2000;
constexpr std::uint64_t kSmall = 100'000, kLarge = 4'000'000;

class LighterBlend : public testing::Test {
 protected:
  LighterBlend() {
    Rng rng(3);
    for (std::size_t i = 0; i < kRows; ++i) target_.push_back(rng.uniform() < 0.4 ? 1.0 : 0.0);
    all_ = {data::Task::kBinary, target_, {}, 2, {}};
    std::vector<std::uint32_t> rows(kRows);
    std::iota(rows.begin(), rows.end(), 0U);
    valid_ = std::make_unique<ValidRows>(all_, std::vector<pipeline::Split>{{{}, rows}});
  }

  /// Sees the target through noise of its own.
  TrialResult trial(std::uint64_t seed, std::uint64_t size_bytes, double signal = 0.2) const {
    Rng rng(seed + 100);
    TrialResult out;
    out.number = seed;
    out.size_bytes = size_bytes;
    for (const double y : target_) out.prediction.push_back(0.1 + signal * y + 0.6 * rng.uniform());
    out.score = metric_.compute(valid_->y, out.prediction);
    return out;
  }

  Blend blend_with(const std::vector<TrialResult>& results, std::vector<double> weights) const {
    std::vector<std::size_t> members(weights.size());
    std::iota(members.begin(), members.end(), std::size_t{0});
    return blend_of({std::move(members), std::move(weights), 0}, results, *valid_, metric_,
                    BlendCare::kCheckpoint, Context());
  }

  Blend lightened(const std::vector<TrialResult>& results, std::vector<double> weights) const {
    return lighter(blend_with(results, std::move(weights)), results, *valid_, metric_, Context());
  }

  const metric::Metric& metric_ = metric::metric_for("roc_auc", data::Task::kBinary);
  std::vector<double> target_;
  data::TargetView all_;
  std::unique_ptr<ValidRows> valid_;
};

TEST_F(LighterBlend, ALargeMemberThatTheScoreDoesNotNeedIsLeftOut) {
  const std::vector<TrialResult> results = {trial(1, kSmall), trial(2, kSmall), trial(1, kLarge)};
  const Blend before = blend_with(results, {0.495, 0.5, 0.005});
  const Blend after = lightened(results, {0.495, 0.5, 0.005});
  EXPECT_THAT(after.trials, ElementsAre(0, 1));
  EXPECT_NEAR(std::accumulate(after.weights.begin(), after.weights.end(), 0.0), 1, 1e-12);
  EXPECT_NEAR(after.score, before.score, 1e-3);
}

TEST_F(LighterBlend, AMemberThatTheScoreNeedsStaysHoweverLarge) {
  const std::vector<TrialResult> results = {trial(1, kSmall), trial(2, kSmall), trial(3, kLarge)};
  EXPECT_THAT(lightened(results, {0.34, 0.33, 0.33}).trials, ElementsAre(0, 1, 2));
}

TEST_F(LighterBlend, SmallMembersStayForTheyCostNothing) {
  const std::vector<TrialResult> results = {trial(1, kSmall), trial(2, kSmall), trial(1, 3 * kSmall)};
  EXPECT_THAT(lightened(results, {0.495, 0.5, 0.005}).trials, ElementsAre(0, 1, 2));
}

TEST_F(LighterBlend, ItStaysAboveEveryTrial) {
  // Without the large one the score would be that of the small one: not less, to what it is uncertain by, but
  // the best trial would stand above the model that is made of it.
  std::vector<TrialResult> results = {trial(1, kSmall), trial(2, kLarge, 0.1)};
  EXPECT_THAT(lightened(results, {0.99999, 0.00001}).trials, ElementsAre(0));
  results.push_back(results[0]);
  results.back().score += 1e-6;
  EXPECT_THAT(lightened(results, {0.99999, 0.00001}).trials, ElementsAre(0, 1));
}

TEST_F(LighterBlend, AfterTheDeadlineNothingIsLeftOut) {
  const std::vector<TrialResult> results = {trial(1, kSmall), trial(2, kSmall), trial(1, kLarge)};
  Context late;
  late.deadline = Deadline(Clock::system(), Clock::system().now_s() - 1);
  Blend blend = blend_with(results, {0.495, 0.5, 0.005});
  EXPECT_EQ(lighter(std::move(blend), results, *valid_, metric_, late).trials.size(), 3);
}

}  // namespace
}  // namespace kolosal::automl
