#include "kolosal/model/mlp_training.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/bf16_products.hpp"
#include "kolosal/kernel/float_products.hpp"

namespace kolosal::model {
namespace {

constexpr std::size_t kRowBlock = 48;    // rows of a product that one thread computes at a time
constexpr std::size_t kDepthBlock = 24;  // inputs whose weights' gradients one thread computes at a time

/// Share of the largest learning rate after a share of the steps.
double one_cycle(double done) {
  constexpr double kRise = 0.3, kStart = 1.0 / 25, kEnd = kStart / 1e4;
  const auto between = [](double from, double to, double share) {
    const auto turns = static_cast<float>(share / 2);
    float sine = 0, cosine = 0;
    kernel::sine_cosine(&turns, &sine, &cosine, 1);
    return to + (from - to) / 2 * (1 + static_cast<double>(cosine));
  };
  return done < kRise ? between(kStart, 1, done / kRise) : between(1, kEnd, (done - kRise) / (1 - kRise));
}

}  // namespace

void apply_mlp_link(data::Task task, std::size_t n_outputs, std::span<float> outputs) {
  if (task == data::Task::kRegression) return;
  if (task == data::Task::kBinary) {
    for (float& value : outputs) value = -value;
    kernel::exp(outputs.data(), outputs.data(), outputs.size());
    for (float& value : outputs) value = 1 / (1 + value);
    return;
  }
  for (std::size_t i = 0; i < outputs.size(); i += n_outputs) {
    const std::span<float> row = outputs.subspan(i, n_outputs);
    const float largest = *std::ranges::max_element(row);
    for (float& value : row) value -= largest;
    kernel::exp(row.data(), row.data(), n_outputs);
    float sum = 0;
    for (const float value : row) sum += value;
    for (float& value : row) value /= sum;
  }
}

MlpTraining::MlpTraining(MlpNetwork network, const MlpInput& input, const MlpRows& rows,
                         const MlpTarget& target, const MlpTrainingOptions& options)
    : network_(std::move(network)),
      input_(input),
      rows_(rows),
      target_(target),
      options_(options),
      n_batches_((rows.n_rows + options.batch_size - 1) / options.batch_size),
      gradient_(network_.parameters().size()),
      mean_(gradient_.size()),
      square_(gradient_.size()),
      layers_(network_.shape().n_layers) {}

void MlpTraining::start_epoch() {
  order_.resize(rows_.n_rows);
  std::iota(order_.begin(), order_.end(), 0U);
  Rng(derive_seed(options_.seed, {"epoch", epoch_})).shuffle(order_);
  next_batch_ = 0;
}

bool MlpTraining::run_epoch(const Context& context) {
  if (order_.empty()) start_epoch();
  for (; next_batch_ < n_batches_; ++next_batch_) {
    if (context.should_stop()) return false;
    // Batches of equal size: a last one of a few rows would have poor averages.
    const std::size_t begin = next_batch_ * order_.size() / n_batches_;
    const std::size_t end = (next_batch_ + 1) * order_.size() / n_batches_;
    step(std::span(order_).subspan(begin, end - begin), context);
  }
  order_.clear();
  ++epoch_;
  return true;
}

void MlpTraining::step(std::span<const std::uint32_t> rows, const Context& context) {
  const auto key = static_cast<std::uint32_t>(derive_seed(options_.seed, {"dropout", n_steps_}));
  evaluate(rows, key, context);
  ++n_steps_;
  const auto t = static_cast<double>(n_steps_);
  const double all = static_cast<double>(options_.n_epochs * n_batches_);
  const double rate = options_.learning_rate * one_cycle(std::min(1.0, (t - 1) / std::max(1.0, all - 1)));
  kernel::AdamwStep adamw{static_cast<float>(rate / (1 - std::pow(0.9, t))),
                          static_cast<float>(1 / std::sqrt(1 - std::pow(0.999, t))),
                          static_cast<float>(1 - rate * options_.weight_decay)};
  const std::size_t n = network_.n_decayed();
  float* parameters = network_.parameters().data();
  kernel::adamw(adamw, gradient_.data(), n, mean_.data(), square_.data(), parameters);
  adamw.keep = 1;
  kernel::adamw(adamw, gradient_.data() + n, gradient_.size() - n, mean_.data() + n, square_.data() + n,
                parameters + n);
}

double MlpTraining::evaluate(std::span<const std::uint32_t> rows, std::uint32_t key, const Context& context) {
  forward(rows, key, context);
  const double loss = loss_gradient(rows);
  backward(rows, context);
  return loss;
}

bool MlpTraining::is_in_bf16(std::size_t depth, std::size_t n_columns) const {
  // A smaller product is quicker in float32 (of the output layer, mostly).
  return options_.in_bf16 && depth >= kernel::kBf16Columns && n_columns >= kernel::kBf16Columns;
}

void MlpTraining::multiply_blocks(kernel::LeftFactor left, std::size_t n_rows, std::size_t block,
                                  const Right& right, float* out, const Context& context) {
  const std::size_t depth = right.depth, n_columns = right.n_columns;
  const bool in_bf16 = is_in_bf16(depth, n_columns);
  if (in_bf16) {
    bf16_panels_.resize(kernel::bf16_panels_size(depth, n_columns));
    kernel::pack_bf16_panels(right.values, right.depth_stride, right.column_stride, depth, n_columns,
                             bf16_panels_.data());
  } else {
    panels_.resize(kernel::panels_size(depth, n_columns));
    kernel::pack_panels(right.values, right.depth_stride, right.column_stride, depth, n_columns,
                        panels_.data());
  }
  context.parallel_blocks(n_rows, block, [&](std::size_t begin, std::size_t end) {
    const kernel::LeftFactor rows{left.values + begin * left.row_stride, left.row_stride, left.depth_stride};
    float* const to = out + begin * n_columns;
    if (!in_bf16)
      return kernel::add_products(rows, end - begin, panels_.data(), depth, n_columns, to, n_columns);
    std::vector<std::uint16_t> packed((end - begin) * kernel::bf16_depth(depth));
    kernel::pack_bf16_rows(rows, end - begin, depth, packed.data());
    kernel::add_bf16_products(packed.data(), end - begin, bf16_panels_.data(), depth, n_columns, to,
                              n_columns);
  });
}

void MlpTraining::multiply(const float* x, std::size_t n, std::size_t depth, const float* weights,
                           std::size_t n_columns, float* out, const Context& context) {
  multiply_blocks({x, depth, 1}, n, kRowBlock, {weights, n_columns, 1, depth, n_columns}, out, context);
}

void MlpTraining::multiply_transposed(const float* x, const float* g, std::size_t n, std::size_t depth,
                                      std::size_t n_columns, float* gradient, const Context& context) {
  multiply_blocks({x, 1, depth}, depth, kDepthBlock, {g, n_columns, 1, n, n_columns}, gradient, context);
}

void MlpTraining::multiply_back(const float* g, const float* weights, std::size_t n, std::size_t depth,
                                std::size_t n_columns, float* out, const Context& context) {
  std::fill_n(out, n * depth, 0.0F);
  multiply_blocks({g, n_columns, 1}, n, kRowBlock, {weights, 1, n_columns, n_columns, depth}, out, context);
}

void MlpTraining::forward(std::span<const std::uint32_t> rows, std::uint32_t key, const Context& context) {
  const MlpShape& shape = network_.shape();
  const std::size_t n = rows.size(), width = shape.width;
  dense_.resize(n * shape.n_dense());
  network_.write_dense(input_, rows_, rows, dense_.data(), turns_);
  kernel::Dropout dropout;
  dropout.threshold = static_cast<std::uint32_t>(std::min(options_.dropout, 0.99) * 0x1p32);
  dropout.factor = static_cast<float>(1 / (1 - std::min(options_.dropout, 0.99)));
  for (std::size_t l = 0; l < shape.n_layers; ++l) {
    Layer& layer = layers_[l];
    layer.normalized.assign(n * width, 0.0F);
    layer.derivative.resize(n * width);
    layer.hidden.resize(n * width);
    multiply(l == 0 ? dense_.data() : layers_[l - 1].hidden.data(), n, l == 0 ? shape.n_dense() : width,
             network_.part(network_.weights(l)).data(), width, layer.normalized.data(), context);
    if (l == 0) network_.add_sparse(rows_, rows, layer.normalized.data());
    normalize(l, n);
    dropout.key = key + static_cast<std::uint32_t>(l) * 0x9e3779b9U;
    context.parallel_blocks(n, kRowBlock, [&](std::size_t begin, std::size_t end) {
      const std::size_t at = begin * width;
      kernel::silu_rows(layer.normalized.data() + at, network_.part(network_.factor(l)).data(),
                        network_.part(network_.shift(l)).data(), dropout, begin, end - begin, width,
                        layer.hidden.data() + at, layer.derivative.data() + at);
    });
  }
  outputs_.resize(n * shape.n_outputs);
  const auto bias = network_.part(network_.bias());
  for (std::size_t i = 0; i < n; ++i)
    std::ranges::copy(bias, outputs_.begin() + static_cast<std::ptrdiff_t>(i * bias.size()));
  multiply(layers_.back().hidden.data(), n, width, network_.part(network_.weights(shape.n_layers)).data(),
           shape.n_outputs, outputs_.data(), context);
}

void MlpTraining::normalize(std::size_t l, std::size_t n) {
  constexpr float kMomentum = 0.1F;
  const std::size_t width = network_.shape().width;
  Layer& layer = layers_[l];
  float* x = layer.normalized.data();
  if (network_.shape().norm == MlpNorm::kNone) return;
  if (network_.shape().norm == MlpNorm::kLayer) {
    layer.inverse.resize(n);
    kernel::normalize_rows(MlpNetwork::kEpsilon, n, width, x, layer.inverse.data());
    return;
  }
  layer.inverse.resize(width);
  const auto running_mean = network_.running_mean(l), running_variance = network_.running_variance(l);
  std::vector<float> mean(running_mean.begin(), running_mean.end());
  std::vector<float> variance(running_variance.begin(), running_variance.end());
  layer.from_batch = n > 1;  // one row has no variance
  if (layer.from_batch) {
    const float share = 1 / static_cast<float>(n);
    std::ranges::fill(mean, 0.0F);
    std::ranges::fill(variance, 0.0F);
    kernel::add_rows(x, n, width, mean.data());
    for (float& value : mean) value *= share;
    kernel::add_squared_rows(x, mean.data(), n, width, variance.data());
    for (float& value : variance) value *= share;
    const float unbiased = static_cast<float>(n) / static_cast<float>(n - 1);
    for (std::size_t j = 0; j < width; ++j) {
      running_mean[j] += kMomentum * (mean[j] - running_mean[j]);
      running_variance[j] += kMomentum * (variance[j] * unbiased - running_variance[j]);
    }
  }
  for (std::size_t j = 0; j < width; ++j)
    layer.inverse[j] = 1 / std::sqrt(variance[j] + MlpNetwork::kEpsilon);
  kernel::shift_scale_rows(mean.data(), layer.inverse.data(), n, width, x);
}

double MlpTraining::loss_gradient(std::span<const std::uint32_t> rows) {
  const std::size_t k = network_.shape().n_outputs;
  apply_mlp_link(target_.task, k, outputs_);
  const auto share = 1 / static_cast<float>(rows.size());
  double loss = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const float truth = target_.values[rows[i]];
    const float weight = share * (target_.weights.empty() ? 1.0F : target_.weights[rows[i]]);
    const std::span<float> row = std::span(outputs_).subspan(i * k, k);
    if (target_.task == data::Task::kMulticlass) {
      const auto c = static_cast<std::size_t>(truth);
      loss -= static_cast<double>(weight) * std::log(std::max(static_cast<double>(row[c]), 1e-30));
      row[c] -= 1;
      for (float& value : row) value *= weight;
      continue;
    }
    const double p = static_cast<double>(row[0]);
    row[0] = weight * (row[0] - truth);
    const double error = p - static_cast<double>(truth);
    loss += static_cast<double>(weight) * (target_.task == data::Task::kRegression
                                               ? error * error / 2
                                               : -std::log(std::max(1 - std::fabs(error), 1e-30)));
  }
  return loss;
}

void MlpTraining::backward(std::span<const std::uint32_t> rows, const Context& context) {
  const MlpShape& shape = network_.shape();
  const std::size_t n = rows.size(), width = shape.width;
  std::ranges::fill(gradient_, 0.0F);
  const MlpNetwork::Part output = network_.weights(shape.n_layers);
  kernel::add_rows(outputs_.data(), n, shape.n_outputs, gradient(network_.bias()).data());
  multiply_transposed(layers_.back().hidden.data(), outputs_.data(), n, width, shape.n_outputs,
                      gradient(output).data(), context);
  back_.resize(n * width);
  multiply_back(outputs_.data(), network_.part(output).data(), n, width, shape.n_outputs, back_.data(),
                context);
  for (std::size_t l = shape.n_layers; l-- > 0;) backward_hidden(l, rows, context);
}

/// back_ is the gradient of what the layer gives, and then of what it reads.
void MlpTraining::backward_hidden(std::size_t l, std::span<const std::uint32_t> rows,
                                  const Context& context) {
  const MlpShape& shape = network_.shape();
  const std::size_t n = rows.size(), width = shape.width;
  kernel::multiply(layers_[l].derivative.data(), n * width, back_.data());
  backward_norm(l, n);
  const MlpNetwork::Part part = network_.weights(l);
  const std::size_t depth = l == 0 ? shape.n_dense() : width;
  multiply_transposed(l == 0 ? dense_.data() : layers_[l - 1].hidden.data(), back_.data(), n, depth, width,
                      gradient(part).data(), context);
  if (l == 0) {
    backward_input(rows, context);
    return;
  }
  // The derivative is not needed any more: its place takes the gradient of the layer below.
  std::vector<float>& below = layers_[l].derivative;
  multiply_back(back_.data(), network_.part(part).data(), n, width, width, below.data(), context);
  std::swap(back_, below);
}

void MlpTraining::backward_norm(std::size_t l, std::size_t n) {
  const MlpShape& shape = network_.shape();
  const std::size_t width = shape.width;
  const Layer& layer = layers_[l];
  const float* x = layer.normalized.data();
  const auto factor = network_.part(network_.factor(l));
  const auto of_shift = gradient(network_.shift(l)), of_factor = gradient(network_.factor(l));
  kernel::add_rows(back_.data(), n, width, of_shift.data());
  if (shape.norm == MlpNorm::kNone) return;
  kernel::add_row_products(back_.data(), x, n, width, of_factor.data());
  if (shape.norm == MlpNorm::kLayer) {
    kernel::unnormalize_rows(x, factor.data(), layer.inverse.data(), n, width, back_.data());
    return;
  }
  sums_.assign(3 * width, 0.0F);  // factors, then means of g and of g x
  const float share = layer.from_batch ? 1 / static_cast<float>(n) : 0.0F;
  for (std::size_t j = 0; j < width; ++j) {
    sums_[j] = factor[j] * layer.inverse[j];
    sums_[width + j] = of_shift[j] * share;
    sums_[2 * width + j] = of_factor[j] * share;
  }
  kernel::unnormalize_columns(x, sums_.data(), sums_.data() + width, sums_.data() + 2 * width, n, width,
                              back_.data());
}

/// Of what the first layer reads: weights of sparse features, level vectors, frequencies.
void MlpTraining::backward_input(std::span<const std::uint32_t> rows, const Context& context) {
  const MlpShape& shape = network_.shape();
  const std::size_t n = rows.size(), width = shape.width, n_periodic = shape.n_periodic();
  const MlpNetwork::Part first = network_.weights(0);
  float* sparse = gradient(first).data() + shape.n_dense() * width;
  for (std::size_t i = 0; i < n; ++i)
    for (auto p = static_cast<std::size_t>(rows_.offsets[rows[i]]);
         p < static_cast<std::size_t>(rows_.offsets[rows[i] + 1]); ++p)
      kernel::axpy(rows_.values[p], back_.data() + i * width,
                   sparse + static_cast<std::size_t>(rows_.indices[p]) * width, width);
  const std::size_t n_learnt = shape.n_dense() - shape.n_fixed;
  if (n_learnt == 0) return;
  dense_back_.resize(n * n_learnt);
  multiply_back(back_.data(), network_.part(first).data() + shape.n_fixed * width, n, n_learnt, width,
                dense_back_.data(), context);
  constexpr float kTwoPi = 6.2831853F;
  const auto of_frequency = gradient(network_.frequencies());
  for (std::size_t i = 0; i < n; ++i) {
    const float* g = dense_back_.data() + i * n_learnt;
    const float* x = dense_.data() + i * shape.n_dense();
    const float* sine = x + shape.n_fixed;
    const float* cosine = sine + n_periodic;
    for (std::size_t p = 0; p < n_periodic; ++p)
      of_frequency[p] +=
          kTwoPi * x[p / shape.n_frequencies] * (g[p] * cosine[p] - g[n_periodic + p] * sine[p]);
    g += 2 * n_periodic;
    for (std::size_t e = 0; e < shape.embeddings.size(); ++e) {
      const std::size_t size = shape.embeddings[e].size;
      const std::int32_t level = rows_.embedded[rows[i] * shape.embeddings.size() + e];
      if (level >= 0)
        kernel::axpy(1.0F, g, gradient(network_.embedding(e)).data() + static_cast<std::size_t>(level) * size,
                     size);
      g += size;
    }
  }
}

}  // namespace kolosal::model
