#include "kolosal/model/focal_loss.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kolosal/model/boosting_derivatives.hpp"

namespace kolosal::model {
namespace {

double focal_loss(bool is_positive, double score, double gamma) {
  const double q = 1 / (1 + std::exp(is_positive ? -score : score));
  return -std::pow(1 - q, gamma) * std::log(q);
}

const std::vector<double> kGammas = {0, 0.5, 1, 2, 5};

TEST(FocalLoss, DerivativesAreThoseOfFiniteDifferences) {
  constexpr double kStep = 1e-4;
  for (const double gamma : kGammas)
    for (const bool positive : {false, true})
      for (double score = -6; score <= 6; score += 0.25) {
        const auto at = [&](double s) { return focal_loss(positive, s, gamma); };
        const FocalDerivatives d = focal_derivatives(positive, score, gamma);
        const double slope = (at(score + kStep) - at(score - kStep)) / (2 * kStep);
        const double bend = (at(score + kStep) - 2 * at(score) + at(score - kStep)) / (kStep * kStep);
        EXPECT_NEAR(d.direction, -slope, 1e-7) << gamma << " " << score;
        const double q = 1 / (1 + std::exp(positive ? -score : score));
        EXPECT_NEAR(d.curvature, std::max(bend, std::pow(1 - q, gamma) * q * (1 - q)), 2e-6)
            << gamma << " " << score;
      }
}

TEST(FocalLoss, WithoutGammaItIsTheLogLoss) {
  const double p = 1 / (1 + std::exp(-0.7));
  EXPECT_NEAR(focal_derivatives(true, 0.7, 0).direction, 1 - p, 1e-15);
  EXPECT_NEAR(focal_derivatives(true, 0.7, 0).curvature, p * (1 - p), 1e-15);
  EXPECT_NEAR(focal_log_odds(0.7, 0), 0.7, 1e-14);
}

TEST(FocalLoss, BestScoreOfAShareIsTakenToItsLogOdds) {
  for (const double gamma : kGammas)
    for (const double share : {0.01, 0.2, 0.5, 0.9}) {
      const double best = focal_score_of(share, gamma);
      EXPECT_NEAR(focal_log_odds(best, gamma), std::log(share / (1 - share)), 1e-9);
      const auto expected = [&](double s) {
        return share * focal_loss(true, s, gamma) + (1 - share) * focal_loss(false, s, gamma);
      };
      for (const double step : {-0.05, 0.05})
        EXPECT_LT(expected(best), expected(best + step)) << gamma << " " << share;
    }
}

TEST(FocalLoss, FarScoresStayNumbersAndKeepTheirOrder) {
  for (const double gamma : kGammas) {
    double last = -INFINITY;
    for (const double score : {-1e9, -250.0, -40.0, -3.0, 0.0, 3.0, 40.0, 250.0}) {
      const double odds = focal_log_odds(score, gamma);
      EXPECT_TRUE(std::isfinite(odds)) << score;
      EXPECT_GT(odds, last);
      last = odds;
    }
    const FocalDerivatives d = focal_derivatives(true, -1e9, gamma);
    EXPECT_TRUE(std::isfinite(d.direction) && std::isfinite(d.curvature));
  }
}

TEST(FocalLoss, IsOneOfTheLossesOfBoosting) {
  const std::vector<float> y = {1, 0};
  const std::vector<double> score = {0.3, -1.2};
  std::vector<float> direction(2), curvature(2);
  loss_derivatives(LossKind::kFocal, 2, {y, score}, 0, 2, direction, curvature);
  for (std::size_t i = 0; i < 2; ++i) {
    const FocalDerivatives d = focal_derivatives(y[i] == 1, score[i], 2);
    EXPECT_EQ(direction[i], static_cast<float>(d.direction));
    EXPECT_EQ(curvature[i], static_cast<float>(d.curvature));
  }
  EXPECT_NEAR(best_constant_score(LossKind::kFocal, 2, 1, y, {}).front(), 0, 1e-9);
}

}  // namespace
}  // namespace kolosal::model
