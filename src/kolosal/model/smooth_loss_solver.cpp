#include "kolosal/model/smooth_loss_solver.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/kernel/vector_ops.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {

TargetUnit TargetUnit::of(const data::TargetView& y, std::span<const std::uint32_t> rows) {
  TargetUnit out;
  out.mean = mean_target(y, rows)[0];
  double square = 0, total = 0;
  for (const std::uint32_t row : rows) {
    square += y.weight(row) * (y.values[row] - out.mean) * (y.values[row] - out.mean);
    total += y.weight(row);
  }
  const double deviation = std::sqrt(square / total);
  if (deviation > 1e-12 * std::fabs(out.mean)) out.deviation = deviation;
  return out;
}

void TargetUnit::restore(std::vector<double>& slopes, std::vector<double>& intercepts) const {
  for (double& slope : slopes) slope *= deviation;
  for (double& intercept : intercepts) intercept = intercept * deviation + mean;
}

SmoothLossSolver::SmoothLossSolver(const TrainingData& data, const LinearTable& table,
                                   std::span<const std::uint32_t> rows, const Options& options,
                                   const Context& context)
    : options_(options),
      y_(target_of(data.y, rows)),
      x_(table, rows, weights_of(data.y, rows, options.balanced), options.standardize, context),
      w_((x_.n_features() + 1) * options.n_outputs + options.n_extra, 0.0),
      scores_(x_.n_rows() * options.n_outputs) {}

void SmoothLossSolver::finish(double, const Context&, std::vector<double>&, std::vector<double>&) {}

void SmoothLossSolver::set_mask(std::vector<std::uint8_t> mask) {
  mask_ = std::move(mask);
  masked_weight_ = 0;
  for (std::size_t i = 0; i < mask_.size(); ++i)
    if (mask_[i]) masked_weight_ += x_.weight(i);
}

LbfgsResult SmoothLossSolver::minimize(double factor, const Context& context) {
  LbfgsOptions options;
  options.max_iterations = static_cast<std::size_t>(options_.max_iter);
  options.gradient_tolerance = options_.tol;
  const double strength = penalty(factor), bend = curvature();
  // Levels that few rows hold have small second derivatives; without this they take most of the iterations.
  options.curvature.assign(w_.size(), bend);
  for (std::size_t j = 0; j < x_.n_features(); ++j) {
    const double square = x_.deviation()[j] * x_.deviation()[j] + x_.mean()[j] * x_.mean()[j];
    std::fill_n(options.curvature.begin() + static_cast<std::ptrdiff_t>(j * n_outputs()), n_outputs(),
                std::max(square * bend + strength, 1e-12 * bend));
  }
  return minimize_lbfgs([&](std::span<const double> w,
                            std::span<double> gradient) { return evaluate(w, strength, gradient, context); },
                        w_, options, [&] { return context.should_stop(); });
}

LinearLearner::Solver::Step SmoothLossSolver::solve(double factor, const Context& context) {
  const LbfgsResult result = minimize(factor, context);
  std::vector<double> slopes(w_.begin(), w_.begin() + static_cast<std::ptrdiff_t>(n_slopes()));
  std::vector<double> offsets(intercepts().begin(), intercepts().end());
  finish(factor, context, slopes, offsets);
  return {x_.unscale(slopes, offsets), result.n_iterations, result.converged, result.stopped};
}

void SmoothLossSolver::scores_of(std::span<const double> parameters, std::span<double> out,
                                 const Context& context) const {
  x_.multiply(parameters, parameters.subspan(n_slopes(), n_outputs()), out, context);
}

double SmoothLossSolver::evaluate(std::span<const double> w, double penalty, std::span<double> gradient,
                                  const Context& context) {
  constexpr std::size_t kBlock = 4096;
  const std::size_t k = n_outputs(), n_blocks = (x_.n_rows() + kBlock - 1) / kBlock;
  const std::span<const double> extra = w.subspan(n_slopes() + k);
  scores_of(w, scores_, context);
  std::vector<double> loss(n_blocks, 0.0), extra_gradient(n_blocks * extra.size(), 0.0);
  const double total_weight = x_.total_weight() - masked_weight_;
  context.parallel_blocks(x_.n_rows(), kBlock, [&](std::size_t begin, std::size_t end) {
    std::vector<double> by_extra(extra.size());
    const std::size_t block = begin / kBlock;
    for (std::size_t i = begin; i < end; ++i) {
      const double share = weight(i) / total_weight;
      const std::span<double> row(scores_.data() + i * k, k);
      std::fill(by_extra.begin(), by_extra.end(), 0.0);
      loss[block] += share * row_loss(i, extra, row, by_extra);
      for (double& value : row) value *= share;
      kernel::axpy(share, by_extra.data(), extra_gradient.data() + block * extra.size(), extra.size());
    }
  });
  x_.multiply_transposed(scores_, k, gradient.first(n_slopes()), gradient.subspan(n_slopes(), k), context);
  std::fill_n(gradient.data() + n_slopes() + k, extra.size(), 0.0);
  double total = penalty / 2 * kernel::dot(w.data(), w.data(), n_slopes());
  kernel::axpy(penalty, w.data(), gradient.data(), n_slopes());
  for (std::size_t block = 0; block < n_blocks; ++block) {
    total += loss[block];
    kernel::axpy(1.0, extra_gradient.data() + block * extra.size(), gradient.data() + n_slopes() + k,
                 extra.size());
  }
  return total;
}

}  // namespace kolosal::model
