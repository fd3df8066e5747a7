#include "kolosal/model/boosting_loss.hpp"

#include <algorithm>
#include <cmath>

namespace kolosal::model {
namespace {

// A probability of exactly 0 must not make the loss infinite: LightGBM's and scikit-learn's clip as well.
constexpr double kSmallest = 1e-15;

double log_of(double probability) { return std::log(std::max(probability, kSmallest)); }

template <typename RowLoss>
double weighted_mean(const Loss& loss, RowLoss row_loss) {
  double sum = 0, total = 0;
  for (std::size_t i = 0; i < loss.y.size(); ++i) {
    const double weight = loss.weights.empty() ? 1.0 : loss.weights[i];
    sum += weight * row_loss(i, loss.y[i]);
    total += weight;
  }
  return total > 0 ? sum / total : 0.0;
}

double huber(double error, double limit) {
  const double size = std::abs(error);
  return size <= limit ? 0.5 * error * error : limit * (size - 0.5 * limit);
}

double tweedie(double y, double p, double power) {
  return -y * std::pow(p, 1 - power) / (1 - power) + std::pow(p, 2 - power) / (2 - power);
}

}  // namespace

double Loss::operator()(std::span<const double> p) const {
  const std::size_t n_classes = y.empty() ? 1 : p.size() / y.size();
  switch (kind) {
    case LossKind::kLogLoss:
    case LossKind::kFocal:  // predictions are probabilities again
      return weighted_mean(*this,
                           [&](std::size_t i, double t) { return -log_of(t > 0.5 ? p[i] : 1 - p[i]); });
    case LossKind::kMultiLogLoss:
      return weighted_mean(*this, [&](std::size_t i, double t) {
        return -log_of(p[i * n_classes + static_cast<std::size_t>(t)]);
      });
    case LossKind::kSquared:
      return weighted_mean(*this, [&](std::size_t i, double t) { return (p[i] - t) * (p[i] - t); });
    case LossKind::kAbsolute:
      return weighted_mean(*this, [&](std::size_t i, double t) { return std::abs(p[i] - t); });
    case LossKind::kHuber:
      return weighted_mean(*this, [&](std::size_t i, double t) { return huber(p[i] - t, parameter); });
    case LossKind::kQuantile:
      return weighted_mean(*this, [&](std::size_t i, double t) {
        return t >= p[i] ? parameter * (t - p[i]) : (1 - parameter) * (p[i] - t);
      });
    case LossKind::kPoisson:
      return weighted_mean(*this, [&](std::size_t i, double t) { return p[i] - t * log_of(p[i]); });
    case LossKind::kGamma:
      return weighted_mean(
          *this, [&](std::size_t i, double t) { return t / std::max(p[i], kSmallest) + log_of(p[i]); });
    case LossKind::kTweedie:
      return weighted_mean(
          *this, [&](std::size_t i, double t) { return tweedie(t, std::max(p[i], kSmallest), parameter); });
  }
  return 0;
}

}  // namespace kolosal::model
