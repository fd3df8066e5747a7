#include "kolosal/model/mlp_predictor.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/kernel/float_products.hpp"
#include "kolosal/kernel/network_ops.hpp"

namespace kolosal::model {
namespace {

/// Numbers of a table of products of levels: 1 MiB. What is larger, a row reads more slowly than it computes.
constexpr std::size_t kMostProducts = std::size_t{1} << 18;

/// Where the vector of an embedding begins among the dense inputs.
std::size_t first_embedded(const MlpShape& shape, std::size_t embedding) {
  std::size_t out = shape.n_fixed + 2 * shape.n_periodic();
  for (std::size_t i = 0; i < embedding; ++i) out += shape.embeddings[i].size;
  return out;
}

}  // namespace

MlpFirstLayer::MlpFirstLayer(const MlpNetwork& network) {
  const MlpShape& shape = network.shape();
  const std::size_t width = shape.width;
  const float* const weights = network.part(network.weights(0)).data();
  const std::size_t n_bins = std::accumulate(shape.n_bins.begin(), shape.n_bins.end(), std::size_t{0});
  below_.reserve(n_bins * width);
  std::size_t bin = shape.n_fixed - n_bins;
  for (const std::size_t count : shape.n_bins) {
    std::vector<double> sums(width);
    for (std::size_t i = 0; i < count; ++i, ++bin)
      for (std::size_t j = 0; j < width; ++j) {
        sums[j] += static_cast<double>(weights[bin * width + j]);
        below_.push_back(static_cast<float>(sums[j]));
      }
  }
  for (std::size_t e = 0; e < shape.embeddings.size(); ++e) {
    const auto [n_levels, size] = shape.embeddings[e];
    std::vector<float>& products = levels_.emplace_back();
    if (n_levels > kMostProducts / width) continue;
    products.resize(n_levels * width);
    std::vector<float> panels(kernel::panels_size(size, width));
    kernel::pack_panels(weights + first_embedded(shape, e) * width, width, 1, size, width, panels.data());
    kernel::add_products({network.part(network.embedding(e)).data(), size, 1}, n_levels, panels.data(), size,
                         width, products.data(), width);
  }
}

void MlpFirstLayer::add(const MlpNetwork& network, const MlpInput& input, const MlpRows& table,
                        std::size_t row, MlpRowBuffers& buffers, float* sums) const {
  const MlpShape& shape = network.shape();
  const float* const weights = network.part(network.weights(0)).data();
  buffers.terms.clear();
  buffers.rows.clear();
  buffers.factors.clear();
  input.add_terms(table, row, buffers.terms);
  for (const MlpTerm& term : buffers.terms) {
    const bool is_sum = term.input >= shape.n_fixed;
    buffers.rows.push_back(is_sum ? below_.data() + (term.input - shape.n_fixed) * shape.width
                                  : weights + term.input * shape.width);
    buffers.factors.push_back(term.factor);
  }
  add_levels(network, table, row, buffers);
  for (auto p = static_cast<std::size_t>(table.offsets[row]);
       p < static_cast<std::size_t>(table.offsets[row + 1]); ++p) {
    buffers.rows.push_back(weights +
                           (shape.n_dense() + static_cast<std::size_t>(table.indices[p])) * shape.width);
    buffers.factors.push_back(table.values[p]);
  }
  kernel::add_scaled_rows(buffers.rows.data(), buffers.factors.data(), buffers.rows.size(), shape.width,
                          sums);
}

void MlpFirstLayer::add_levels(const MlpNetwork& network, const MlpRows& table, std::size_t row,
                               MlpRowBuffers& buffers) const {
  const MlpShape& shape = network.shape();
  const float* weights = network.part(network.weights(0)).data() + first_embedded(shape, 0) * shape.width;
  for (std::size_t e = 0; e < levels_.size(); ++e) {
    const std::size_t size = shape.embeddings[e].size;
    const std::int32_t level = table.embedded[row * levels_.size() + e];
    const auto place = static_cast<std::size_t>(std::max(level, 0));
    if (level >= 0 && !levels_[e].empty()) {
      buffers.rows.push_back(levels_[e].data() + place * shape.width);
      buffers.factors.push_back(1.0F);
    } else if (level >= 0) {
      const float* const vector = network.part(network.embedding(e)).data() + place * size;
      for (std::size_t i = 0; i < size; ++i) {
        buffers.rows.push_back(weights + i * shape.width);
        buffers.factors.push_back(vector[i]);
      }
    }
    weights += size * shape.width;
  }
}

MlpPredictor::MlpPredictor(MlpNetwork network) : network_(std::move(network)), first_(network_) {
  const MlpShape& shape = network_.shape();
  const std::size_t width = shape.width;
  for (std::size_t layer = 0; layer <= shape.n_layers; ++layer) {
    const std::size_t depth = layer == 0 ? 2 * shape.n_periodic() : width;
    const std::size_t columns = layer < shape.n_layers ? width : shape.n_outputs;
    const float* const weights = network_.part(network_.weights(layer)).data();
    panels_.emplace_back(kernel::panels_size(depth, columns));
    kernel::pack_panels(weights + (layer == 0 ? shape.n_fixed * width : 0), columns, 1, depth, columns,
                        panels_.back().data());
  }
  for (std::size_t layer = 0; layer < shape.n_layers; ++layer) {
    const auto factor = network_.part(network_.factor(layer)), shift = network_.part(network_.shift(layer));
    factor_.emplace_back(factor.begin(), factor.end());
    shift_.emplace_back(shift.begin(), shift.end());
    if (shape.norm != MlpNorm::kBatch) continue;
    const auto mean = network_.running_mean(layer), variance = network_.running_variance(layer);
    for (std::size_t j = 0; j < width; ++j) {
      factor_.back()[j] /= std::sqrt(variance[j] + MlpNetwork::kEpsilon);
      shift_.back()[j] -= mean[j] * factor_.back()[j];
    }
  }
}

void MlpPredictor::add_block(const MlpInput& input, const MlpRows& table, std::size_t begin, std::size_t end,
                             float* out) const {
  const MlpShape& shape = network_.shape();
  const std::size_t n = end - begin, width = shape.width, n_periodic = 2 * shape.n_periodic();
  std::vector<float> periodic(n * n_periodic), sums(n * width), hidden(n * width), inverse(n), turns;
  MlpRowBuffers buffers;
  for (std::size_t layer = 0; layer < shape.n_layers; ++layer) {
    std::ranges::fill(sums, 0.0F);
    if (layer == 0) {
      for (std::size_t i = 0; i < n; ++i) {
        first_.add(network_, input, table, begin + i, buffers, sums.data() + i * width);
        if (n_periodic > 0)
          network_.write_periodic(table.numbers.data() + (begin + i) * table.n_numbers,
                                  periodic.data() + i * n_periodic, turns);
      }
      kernel::add_products({periodic.data(), n_periodic, 1}, n, panels_[0].data(), n_periodic, width,
                           sums.data(), width);
    } else {
      kernel::add_products({hidden.data(), width, 1}, n, panels_[layer].data(), width, width, sums.data(),
                           width);
    }
    if (shape.norm == MlpNorm::kLayer)
      kernel::normalize_rows(MlpNetwork::kEpsilon, n, width, sums.data(), inverse.data());
    kernel::silu_rows(sums.data(), factor_[layer].data(), shift_[layer].data(), n, width, hidden.data());
  }
  const auto bias = network_.part(network_.bias());
  for (std::size_t i = 0; i < n; ++i)
    kernel::axpy(1.0F, bias.data(), out + i * shape.n_outputs, shape.n_outputs);
  kernel::add_products({hidden.data(), width, 1}, n, panels_[shape.n_layers].data(), width, shape.n_outputs,
                       out, shape.n_outputs);
}

void MlpPredictor::add_outputs(const MlpInput& input, const MlpRows& rows, std::span<float> out,
                               const Context& context) const {
  constexpr std::size_t kBlock = 192;  // a block's sums of two layers stay in the cache
  context.parallel_blocks(rows.n_rows, kBlock, [&](std::size_t begin, std::size_t end) {
    add_block(input, rows, begin, end, out.data() + begin * network_.shape().n_outputs);
  });
}

void MlpPredictor::add_row(const MlpInput& input, MlpRowBuffers& buffers, std::span<float> out) const {
  const MlpShape& shape = network_.shape();
  const std::size_t width = shape.width, n_periodic = 2 * shape.n_periodic();
  buffers.hidden.resize(width);
  buffers.sums.resize(width);
  for (std::size_t layer = 0; layer < shape.n_layers; ++layer) {
    std::ranges::fill(buffers.sums, 0.0F);
    if (layer > 0)
      kernel::add_products_of_row(buffers.hidden.data(), panels_[layer].data(), width, width,
                                  buffers.sums.data());
    else
      first_.add(network_, input, buffers.row, 0, buffers, buffers.sums.data());
    if (layer == 0 && n_periodic > 0) {
      buffers.periodic.resize(n_periodic);
      network_.write_periodic(buffers.row.numbers.data(), buffers.periodic.data(), buffers.turns);
      kernel::add_products_of_row(buffers.periodic.data(), panels_[0].data(), n_periodic, width,
                                  buffers.sums.data());
    }
    float inverse = 0;
    if (shape.norm == MlpNorm::kLayer)
      kernel::normalize_rows(MlpNetwork::kEpsilon, 1, width, buffers.sums.data(), &inverse);
    kernel::silu_rows(buffers.sums.data(), factor_[layer].data(), shift_[layer].data(), 1, width,
                      buffers.hidden.data());
  }
  kernel::axpy(1.0F, network_.part(network_.bias()).data(), out.data(), shape.n_outputs);
  kernel::add_products_of_row(buffers.hidden.data(), panels_[shape.n_layers].data(), width, shape.n_outputs,
                              out.data());
}

}  // namespace kolosal::model
