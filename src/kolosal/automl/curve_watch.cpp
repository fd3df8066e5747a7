#include "kolosal/automl/curve_watch.hpp"

#include <algorithm>
#include <cmath>

namespace kolosal::automl {
namespace {

constexpr std::size_t kLeastLooks = 4;
constexpr double kLeastCorrection = 2.5;  // rounds times learning rate
constexpr double kStillToFall = 1.5;      // of the fall in the last half of the rounds
constexpr double kMargin = 0.01;          // of the loss to reach

}  // namespace

CurveWatch::CurveWatch(double loss_to_reach, double learning_rate)
    : loss_to_reach_(loss_to_reach),
      n_least_looks_(std::max(
          kLeastLooks, static_cast<std::size_t>(std::ceil(kLeastCorrection / (learning_rate * kRounds))))) {}

bool CurveWatch::is_behind(double loss) {
  losses_.push_back(loss);
  const std::size_t n = losses_.size();
  if (n < n_least_looks_ || n % 2 == 1) return false;
  const double fall = losses_[n / 2 - 1] - loss;
  return loss - kStillToFall * fall > loss_to_reach_ + kMargin * std::abs(loss_to_reach_);
}

}  // namespace kolosal::automl
