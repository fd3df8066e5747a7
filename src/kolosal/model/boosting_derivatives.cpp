#include "kolosal/model/boosting_derivatives.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/kernel/network_ops.hpp"
#include "kolosal/model/focal_loss.hpp"

namespace kolosal::model {
namespace {

constexpr std::size_t kChunk = 256;  // rows whose exponentials are taken at once
constexpr double kSmallestShare = 1e-7;

/// Calls row(i, e) with e = exp(sign * score) for each row.
template <typename Row>
void with_exp(std::span<const double> score, float factor, std::size_t begin, std::size_t end, Row row) {
  float e[kChunk];
  for (std::size_t first = begin; first < end; first += kChunk) {
    const std::size_t n = std::min(kChunk, end - first);
    for (std::size_t i = 0; i < n; ++i) e[i] = factor * static_cast<float>(score[first + i]);
    kernel::exp(e, e, n);
    for (std::size_t i = 0; i < n; ++i) row(first + i, e[i]);
  }
}

void softmax_derivatives(const ScoredRows& rows, std::size_t begin, std::size_t end,
                         std::span<float> direction, std::span<float> curvature) {
  const std::size_t n_rows = rows.y.size(), n_classes = rows.score.size() / n_rows;
  const auto correction =
      static_cast<float>(static_cast<double>(n_classes) / static_cast<double>(n_classes - 1));
  std::vector<double> top(end - begin, rows.score[begin]);
  std::vector<float> sum(end - begin, 0.0F);
  std::copy_n(rows.score.begin() + static_cast<std::ptrdiff_t>(begin), end - begin, top.begin());
  for (std::size_t k = 1; k < n_classes; ++k)
    for (std::size_t i = begin; i < end; ++i)
      top[i - begin] = std::max(top[i - begin], rows.score[k * n_rows + i]);
  for (std::size_t k = 0; k < n_classes; ++k) {
    float* p = direction.data() + k * n_rows;
    for (std::size_t i = begin; i < end; ++i)
      p[i] = static_cast<float>(rows.score[k * n_rows + i] - top[i - begin]);
    kernel::exp(p + begin, p + begin, end - begin);
    for (std::size_t i = begin; i < end; ++i) sum[i - begin] += p[i];
  }
  for (std::size_t k = 0; k < n_classes; ++k)
    for (std::size_t i = begin; i < end; ++i) {
      float& d = direction[k * n_rows + i];
      const float p = d / sum[i - begin];
      if (!curvature.empty()) curvature[k * n_rows + i] = correction * p * (1 - p);
      d = (static_cast<std::size_t>(rows.y[i]) == k ? 1.0F : 0.0F) - p;
    }
}

/// direction and curvature of one row from residual or exponentials, stored.
struct Out {
  std::span<float> direction, curvature;
  void operator()(std::size_t i, float d, float c) const {
    direction[i] = d;
    if (!curvature.empty()) curvature[i] = c;
  }
};

float clipped_residual(LossKind kind, double parameter, double residual) {
  switch (kind) {
    case LossKind::kAbsolute:
      return residual > 0 ? 1.0F : residual < 0 ? -1.0F : 0.0F;
    case LossKind::kQuantile:
      return static_cast<float>(residual >= 0 ? parameter : parameter - 1);
    case LossKind::kHuber:
      return static_cast<float>(std::clamp(residual, -parameter, parameter));
    default:
      return static_cast<float>(residual);
  }
}

}  // namespace

void loss_derivatives(LossKind kind, double parameter, const ScoredRows& rows, std::size_t begin,
                      std::size_t end, std::span<float> direction, std::span<float> curvature) {
  const Out out{direction, curvature};
  switch (kind) {
    case LossKind::kLogLoss:
      with_exp(rows.score, -1, begin, end, [&](std::size_t i, float e) {
        const float p = 1 / (1 + e);
        out(i, rows.y[i] - p, p * (1 - p));
      });
      return;
    case LossKind::kMultiLogLoss:
      softmax_derivatives(rows, begin, end, direction, curvature);
      return;
    case LossKind::kSquared:
    case LossKind::kAbsolute:
    case LossKind::kHuber:
    case LossKind::kQuantile:
      for (std::size_t i = begin; i < end; ++i)
        out(i, clipped_residual(kind, parameter, static_cast<double>(rows.y[i]) - rows.score[i]), 1.0F);
      return;
    case LossKind::kPoisson:
      with_exp(rows.score, 1, begin, end, [&](std::size_t i, float mean) { out(i, rows.y[i] - mean, mean); });
      return;
    case LossKind::kGamma:
      with_exp(rows.score, -1, begin, end,
               [&](std::size_t i, float e) { out(i, rows.y[i] * e - 1, rows.y[i] * e); });
      return;
    case LossKind::kFocal:
      for (std::size_t i = begin; i < end; ++i) {
        const FocalDerivatives d = focal_derivatives(rows.y[i] > 0.5F, rows.score[i], parameter);
        out(i, static_cast<float>(d.direction), static_cast<float>(d.curvature));
      }
      return;
    case LossKind::kTweedie: {
      const auto power = static_cast<float>(parameter);
      with_exp(rows.score, 1 - power, begin, end, [&](std::size_t i, float e) {
        // mean^(1 - power) and mean^(2 - power).
        const float far = e * std::exp(static_cast<float>(rows.score[i]));
        out(i, rows.y[i] * e - far, (power - 1) * rows.y[i] * e + (2 - power) * far);
      });
      return;
    }
  }
}

double weighted_quantile(std::vector<std::pair<double, double>>& value_and_weight, double level) {
  std::ranges::sort(value_and_weight);
  double total = 0;
  for (const auto& [value, weight] : value_and_weight) total += weight;
  double below = 0;
  for (const auto& [value, weight] : value_and_weight) {
    below += weight;
    if (below >= level * total) return value;
  }
  return value_and_weight.empty() ? 0.0 : value_and_weight.back().first;
}

std::vector<double> best_constant_score(LossKind kind, double parameter, std::size_t n_outputs,
                                        std::span<const float> y, std::span<const float> weights) {
  const auto weight = [&](std::size_t i) { return weights.empty() ? 1.0 : static_cast<double>(weights[i]); };
  if (kind == LossKind::kAbsolute || kind == LossKind::kQuantile || kind == LossKind::kHuber) {
    std::vector<std::pair<double, double>> all;
    for (std::size_t i = 0; i < y.size(); ++i) all.emplace_back(y[i], weight(i));
    return {weighted_quantile(all, kind == LossKind::kQuantile ? parameter : 0.5)};
  }
  std::vector<double> sum(n_outputs, 0.0);
  double total = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double w = weight(i), value = static_cast<double>(y[i]);
    total += w;
    if (kind == LossKind::kMultiLogLoss)
      sum[static_cast<std::size_t>(value)] += w;
    else
      sum[0] += w * value;
  }
  for (double& s : sum) {
    const double mean = total > 0 ? s / total : 0.0;
    if (kind == LossKind::kSquared)
      s = mean;
    else if (kind == LossKind::kFocal)
      s = focal_score_of(mean, parameter);
    else if (kind == LossKind::kLogLoss)
      s = std::log(std::max(mean, kSmallestShare)) - std::log(std::max(1 - mean, kSmallestShare));
    else
      s = std::log(std::max(mean, kSmallestShare));
  }
  return sum;
}

}  // namespace kolosal::model
