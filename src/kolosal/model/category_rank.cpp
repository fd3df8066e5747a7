#include "kolosal/model/category_rank.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kolosal::model {
namespace {

constexpr double kShrinkRows = 10;

/// Deviation of each bin's shrunk means from the overall means: n_bins + 1 rows of `width`; and the weight of
/// each bin.
struct BinMeans {
  std::size_t width;
  std::vector<double> deviation;
  std::vector<double> weight;
};

BinMeans measure(std::span<const std::uint8_t> bin, std::uint8_t n_bins, std::span<const double> target,
                 std::span<const double> weights, std::size_t n_classes) {
  BinMeans out{n_classes > 2 ? n_classes : 1, {}, std::vector<double>(n_bins + 1U, 0.0)};
  out.deviation.assign(out.weight.size() * out.width, 0.0);
  std::vector<double> mean(out.width, 0.0);
  double total = 0;
  for (std::size_t i = 0; i < bin.size(); ++i) {
    const double w = weights.empty() ? 1.0 : weights[i];
    const std::size_t column = out.width > 1 ? static_cast<std::size_t>(target[i]) : 0;
    const double value = out.width > 1 ? w : w * target[i];
    out.weight[bin[i]] += w;
    out.deviation[bin[i] * out.width + column] += value;
    mean[column] += value;
    total += w;
  }
  for (std::size_t b = 0; b < out.weight.size(); ++b)
    for (std::size_t k = 0; k < out.width; ++k) {
      double& value = out.deviation[b * out.width + k];
      value = (value - out.weight[b] * mean[k] / total) / (out.weight[b] + kShrinkRows);
    }
  return out;
}

/// The direction in which the class shares of the bins differ most, by power iteration from the class that
/// varies most.
std::vector<double> principal_direction(const BinMeans& means) {
  const std::size_t k = means.width, n = means.weight.size();
  auto row = [&](std::size_t b) { return means.deviation.begin() + static_cast<std::ptrdiff_t>(b * k); };
  std::vector<double> variance(k, 0.0), direction(k, 0.0), next(k);
  for (std::size_t b = 0; b < n; ++b)
    for (std::size_t i = 0; i < k; ++i)
      variance[i] += means.weight[b] * means.deviation[b * k + i] * means.deviation[b * k + i];
  direction[static_cast<std::size_t>(std::max_element(variance.begin(), variance.end()) - variance.begin())] =
      1;
  for (int round = 0; round < 30; ++round) {
    std::fill(next.begin(), next.end(), 0.0);
    for (std::size_t b = 0; b < n; ++b) {
      const double along =
          means.weight[b] * std::inner_product(direction.begin(), direction.end(), row(b), 0.0);
      for (std::size_t i = 0; i < k; ++i) next[i] += along * means.deviation[b * k + i];
    }
    const double norm = std::sqrt(std::inner_product(next.begin(), next.end(), next.begin(), 0.0));
    if (!(norm > 0)) break;
    for (std::size_t i = 0; i < k; ++i) direction[i] = next[i] / norm;
  }
  return direction;
}

}  // namespace

std::vector<std::uint8_t> rank_bins(std::span<const std::uint8_t> bin, std::uint8_t n_bins,
                                    std::span<const double> target, std::span<const double> weights,
                                    std::size_t n_classes) {
  const BinMeans means = measure(bin, n_bins, target, weights, n_classes);
  const std::vector<double> direction = means.width > 1 ? principal_direction(means) : std::vector{1.0};
  std::vector<double> score(means.weight.size(), 0.0);
  for (std::size_t b = 0; b < score.size(); ++b)
    for (std::size_t k = 0; k < means.width; ++k)
      score[b] += means.deviation[b * means.width + k] * direction[k];
  std::vector<std::uint8_t> order(n_bins), rank(n_bins + 1U, 0);
  std::iota(order.begin(), order.end(), std::uint8_t{1});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint8_t a, std::uint8_t b) { return score[a] < score[b]; });
  for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<std::uint8_t>(i + 1);
  return rank;
}

}  // namespace kolosal::model
