#include "kolosal/model/leaf_estimation.hpp"

#include <algorithm>

namespace kolosal::model {
namespace {

constexpr std::size_t kBlock = 4096;  // rows

struct Derivatives {
  double direction = 0, curvature = 0;
};

/// Sums of a block by leaf and output, at the scores plus the leaves' values so far.
void add_block(const LeafEstimation& how, const ScoredRows& rows, std::span<const std::uint8_t> leaf,
               const std::vector<double>& value, std::size_t begin, std::size_t end,
               std::span<Derivatives> sums) {
  const std::size_t n = end - begin, n_rows = rows.y.size(), n_outputs = rows.score.size() / n_rows;
  std::vector<double> score(n * n_outputs);
  std::vector<float> direction(n * n_outputs), curvature(n * n_outputs);
  for (std::size_t k = 0; k < n_outputs; ++k)
    for (std::size_t i = 0; i < n; ++i)
      score[k * n + i] = rows.score[k * n_rows + begin + i] + value[leaf[begin + i] * n_outputs + k];
  loss_derivatives(how.loss, how.parameter, {rows.y.subspan(begin, n), score}, 0, n, direction, curvature);
  for (std::size_t k = 0; k < n_outputs; ++k)
    for (std::size_t i = 0; i < n; ++i) {
      const double w = how.weights.empty() ? 1.0 : static_cast<double>(how.weights[begin + i]);
      Derivatives& sum = sums[leaf[begin + i] * n_outputs + k];
      sum.direction += w * static_cast<double>(direction[k * n + i]);
      sum.curvature += w * static_cast<double>(curvature[k * n + i]);
    }
}

void newton_step(const LeafEstimation& how, const ScoredRows& rows, std::span<const std::uint8_t> leaf,
                 std::vector<double>& value, const Context& context) {
  const std::size_t n_rows = rows.y.size(), n_values = value.size();
  std::vector<Derivatives> of_block((n_rows + kBlock - 1) / kBlock * n_values);
  context.parallel_blocks(n_rows, kBlock, [&](std::size_t begin, std::size_t end) {
    add_block(how, rows, leaf, value, begin, end,
              std::span<Derivatives>(of_block).subspan(begin / kBlock * n_values, n_values));
  });
  for (std::size_t v = 0; v < n_values; ++v) {
    Derivatives sum;
    for (std::size_t at = v; at < of_block.size(); at += n_values) {
      sum.direction += of_block[at].direction;
      sum.curvature += of_block[at].curvature;
    }
    const double divisor = sum.curvature + how.l2;
    if (divisor > 1e-12) value[v] += sum.direction / divisor;
  }
}

std::vector<double> residual_quantiles(const LeafEstimation& how, const ScoredRows& rows,
                                       std::span<const std::uint8_t> leaf, std::size_t n_leaves,
                                       const Context& context) {
  std::vector<std::vector<std::pair<double, double>>> residuals(n_leaves);
  for (std::size_t i = 0; i < leaf.size(); ++i)
    residuals[leaf[i]].emplace_back(static_cast<double>(rows.y[i]) - rows.score[i],
                                    how.weights.empty() ? 1.0 : static_cast<double>(how.weights[i]));
  std::vector<double> out(n_leaves);
  const double level = how.loss == LossKind::kQuantile ? how.parameter : 0.5;
  context.parallel_blocks(
      n_leaves, 1, [&](std::size_t l, std::size_t) { out[l] = weighted_quantile(residuals[l], level); });
  return out;
}

}  // namespace

std::vector<double> estimate_leaves(const LeafEstimation& how, const ScoredRows& rows,
                                    std::span<const std::uint8_t> leaf, std::size_t n_leaves,
                                    const Context& context) {
  if (how.loss == LossKind::kAbsolute || how.loss == LossKind::kQuantile)
    return residual_quantiles(how, rows, leaf, n_leaves, context);
  std::vector<double> out(n_leaves * (rows.score.size() / rows.y.size()), 0.0);
  for (std::size_t i = 0; i < how.n_iterations; ++i) newton_step(how, rows, leaf, out, context);
  return out;
}

}  // namespace kolosal::model
