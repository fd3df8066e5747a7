#include "kolosal/automl/curve_watch.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <optional>

namespace kolosal::automl {
namespace {

/// Rounds at which a curve is told to be behind; empty: never.
std::optional<std::size_t> stopped_at(double loss_to_reach, double learning_rate,
                                      const std::function<double(double rounds)>& loss) {
  CurveWatch watch(loss_to_reach, learning_rate);
  for (std::size_t rounds = CurveWatch::kRounds; rounds <= 1000; rounds += CurveWatch::kRounds)
    if (watch.is_behind(loss(static_cast<double>(rounds)))) return rounds;
  return {};
}

std::function<double(double)> falling_to(double floor) {
  return [floor](double rounds) { return floor + 1 / rounds; };
}

TEST(CurveWatch, StopsACurveThatEndsAboveTheLossToReach) {
  const auto rounds = stopped_at(0.3, 0.1, falling_to(0.4));
  ASSERT_TRUE(rounds);
  EXPECT_GE(*rounds, 4 * CurveWatch::kRounds);  // not before there is a curve
  EXPECT_LT(*rounds, 100U);
}

TEST(CurveWatch, TheNearerTheEndIsTheLongerItLooks) {
  ASSERT_TRUE(stopped_at(0.3, 0.1, falling_to(0.31)));
  EXPECT_GT(*stopped_at(0.3, 0.1, falling_to(0.31)), *stopped_at(0.3, 0.1, falling_to(0.4)));
}

TEST(CurveWatch, LetsACurveGoOnThatReachesIt) {
  EXPECT_FALSE(stopped_at(0.3, 0.1, falling_to(0.3)));
  EXPECT_FALSE(stopped_at(0.3, 0.1, falling_to(0.2)));
}

TEST(CurveWatch, ALowLearningRateGetsTheRoundsItNeeds) {
  // Each round takes away the same share of what is left: after 40 rounds of 0.02 nearly half is there still.
  const auto slow = [](double rounds) { return 0.3 + std::exp(-0.02 * rounds); };
  EXPECT_FALSE(stopped_at(0.31, 0.02, slow));
  EXPECT_GE(stopped_at(0.2, 0.02, slow).value_or(0), 125U);
}

}  // namespace
}  // namespace kolosal::automl
