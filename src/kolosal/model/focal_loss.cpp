#include "kolosal/model/focal_loss.hpp"

#include <algorithm>
#include <cmath>

namespace kolosal::model {
namespace {

/// Beyond it a probability is 0 or 1 to all digits, and its logarithm still a number.
constexpr double kFarthest = 300;

double power(double base, double gamma) { return gamma == 2 ? base * base : std::pow(base, gamma); }

/// log(1 + exp(-x)), that is minus the log of the logistic.
double log_loss_of(double x) { return x > 0 ? std::log1p(std::exp(-x)) : std::log1p(std::exp(x)) - x; }

}  // namespace

FocalDerivatives focal_derivatives(bool is_positive, double score, double gamma) {
  const double margin = std::clamp(is_positive ? score : -score, -kFarthest, kFarthest);
  const double q = 1 / (1 + std::exp(-margin)), rest = 1 / (1 + std::exp(margin));
  const double log_q = -log_loss_of(margin);
  const double scale = power(rest, gamma);
  const double slope = rest - gamma * q * log_q;  // times scale: minus the derivative by the margin
  const double exact = gamma * slope + rest * (gamma * log_q + gamma + 1);
  const double direction = scale * slope;
  return {is_positive ? direction : -direction, scale * q * std::max(exact, rest)};
}

double focal_log_odds(double score, double gamma) {
  const double s = std::clamp(score, -kFarthest, kFarthest);
  const double yes = 1 / (1 + std::exp(-s)), no = 1 / (1 + std::exp(s));
  const double log_yes = -log_loss_of(s), log_no = -log_loss_of(-s);
  return gamma * s + std::log(yes - gamma * no * log_no) - std::log(no - gamma * yes * log_yes);
}

double focal_score_of(double share, double gamma) {
  constexpr double kSmallestShare = 1e-7;
  const double p = std::clamp(share, kSmallestShare, 1 - kSmallestShare);
  const double wanted = std::log(p) - std::log1p(-p);
  // The log odds are farther from 0 than the score.
  double low = std::min(wanted, 0.0), high = std::max(wanted, 0.0);
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (focal_log_odds(middle, gamma) < wanted ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace kolosal::model
