#include "kolosal/model/mlp_predictor.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/kernel/float_products.hpp"
#include "kolosal/kernel/half_products.hpp"
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

constexpr std::size_t kBlock = 192;  // Rows; their sums of two layers stay in the cache.

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

MlpPredictor::MlpPredictor(MlpNetwork network) : network_(std::move(network)) {
  const MlpShape& shape = network_.shape();
  const std::size_t width = shape.width;
  for (std::size_t layer = 0; layer <= shape.n_layers; ++layer)
    pack_layer(layer, shape.depth(layer), shape.n_columns(layer));
  if (!quantized_[0]) first_.emplace(network_);
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

void MlpPredictor::pack_layer(std::size_t layer, std::size_t depth, std::size_t n_columns) {
  auto weights = network_.part(network_.weights(layer)).first(depth * n_columns);
  const MlpQuantization& how = network_.quantization();
  quantized_.emplace_back();
  panels_.emplace_back();
  halves_.emplace_back();
  const bool is_finite = std::ranges::all_of(weights, [](float weight) { return std::isfinite(weight); });
  if (how.is_on() && is_finite && network_.shape().pays_in_whole_numbers(layer)) {
    quantized_.back().emplace(QuantizedWeights::of(weights, depth, n_columns, how.bits),
                              how.limits.empty() ? 0.0F : how.limits[layer]);
    return;
  }
  if (layer > 0 && kernel::are_float16s(weights.data(), weights.size())) {
    halves_.back().resize(kernel::half_panels_size(depth, n_columns));
    return kernel::pack_half_panels(weights.data(), depth, n_columns, halves_.back().data());
  }
  if (layer == 0) {  // all else is first_
    depth = 2 * network_.shape().n_periodic();
    weights = weights.subspan(network_.shape().n_fixed * n_columns, depth * n_columns);
  }
  panels_.back().resize(kernel::panels_size(depth, n_columns));
  kernel::pack_panels(weights.data(), n_columns, 1, depth, n_columns, panels_.back().data());
}

std::size_t MlpPredictor::n_quantized_layers() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(quantized_, [](const auto& l) { return l.has_value(); }));
}

struct MlpPredictor::Block {
  std::size_t n;  // rows
  std::vector<float> sums, turns;
  MlpRowBuffers buffers;
  QuantizedScratch quantized;
};

/// block.sums += the first layer of rows from begin on.
void MlpPredictor::add_first(const MlpInput& input, const MlpRows& table, std::size_t begin, Block& block,
                             const SeeInputs* see) const {
  const MlpShape& shape = network_.shape();
  const std::size_t n = block.n, width = shape.width, n_periodic = 2 * shape.n_periodic();
  if (see || quantized_[0]) {
    std::vector<std::uint32_t> rows(n);
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(begin));
    std::vector<float> dense(n * shape.n_dense());
    network_.write_dense(input, table, rows, dense.data(), block.turns);
    if (see) (*see)(0, dense);
    if (quantized_[0]) {
      quantized_[0]->add(dense.data(), n, block.sums.data(), block.quantized);
      network_.add_sparse(table, rows, block.sums.data());
      return;
    }
  }
  std::vector<float> periodic(n * n_periodic);
  for (std::size_t i = 0; i < n; ++i) {
    first_->add(network_, input, table, begin + i, block.buffers, block.sums.data() + i * width);
    if (n_periodic > 0)
      network_.write_periodic(table.numbers.data() + (begin + i) * table.n_numbers,
                              periodic.data() + i * n_periodic, block.turns);
  }
  kernel::add_products({periodic.data(), n_periodic, 1}, n, panels_[0].data(), n_periodic, width,
                       block.sums.data(), width);
}

void MlpPredictor::add_block(const MlpInput& input, const MlpRows& table, std::size_t begin, std::size_t end,
                             float* out, const SeeInputs* see) const {
  const MlpShape& shape = network_.shape();
  const std::size_t n = end - begin, width = shape.width;
  Block block{n, std::vector<float>(n * width), {}, {}, {}};
  std::vector<float> hidden(n * width), inverse(n);
  const auto add = [&](std::size_t layer, std::size_t n_columns, float* to) {
    if (see) (*see)(layer, hidden);
    if (quantized_[layer]) return quantized_[layer]->add(hidden.data(), n, to, block.quantized);
    if (!halves_[layer].empty())
      return kernel::add_half_products(hidden.data(), n, halves_[layer].data(), width, n_columns, to);
    kernel::add_products({hidden.data(), width, 1}, n, panels_[layer].data(), width, n_columns, to,
                         n_columns);
  };
  for (std::size_t layer = 0; layer < shape.n_layers; ++layer) {
    std::ranges::fill(block.sums, 0.0F);
    if (layer == 0)
      add_first(input, table, begin, block, see);
    else
      add(layer, width, block.sums.data());
    if (shape.norm == MlpNorm::kLayer)
      kernel::normalize_rows(MlpNetwork::kEpsilon, n, width, block.sums.data(), inverse.data());
    kernel::silu_rows(block.sums.data(), factor_[layer].data(), shift_[layer].data(), n, width,
                      hidden.data());
  }
  const auto bias = network_.part(network_.bias());
  for (std::size_t i = 0; i < n; ++i)
    kernel::axpy(1.0F, bias.data(), out + i * shape.n_outputs, shape.n_outputs);
  add(shape.n_layers, shape.n_outputs, out);
}

void MlpPredictor::add_outputs(const MlpInput& input, const MlpRows& rows, std::span<float> out,
                               const Context& context) const {
  context.parallel_blocks(rows.n_rows, kBlock, [&](std::size_t begin, std::size_t end) {
    add_block(input, rows, begin, end, out.data() + begin * network_.shape().n_outputs, nullptr);
  });
}

void MlpPredictor::visit_layer_inputs(const MlpInput& input, const MlpRows& rows,
                                      const SeeInputs& see) const {
  std::vector<float> outputs(kBlock * network_.shape().n_outputs);
  for (std::size_t begin = 0; begin < rows.n_rows; begin += kBlock)
    add_block(input, rows, begin, std::min(begin + kBlock, rows.n_rows), outputs.data(), &see);
}

void MlpPredictor::add_layer(std::size_t layer, const float* inputs, std::size_t n_columns,
                             MlpRowBuffers& buffers, float* out) const {
  if (quantized_[layer]) return quantized_[layer]->add(inputs, 1, out, buffers.quantized);
  const std::size_t width = network_.shape().width;
  if (!halves_[layer].empty())
    return kernel::add_half_products(inputs, 1, halves_[layer].data(), width, n_columns, out);
  kernel::add_products_of_row(inputs, panels_[layer].data(), width, n_columns, out);
}

/// buffers.sums += the first layer of buffers.row.
void MlpPredictor::add_first_of_row(const MlpInput& input, MlpRowBuffers& buffers) const {
  constexpr std::uint32_t kRow[] = {0};
  const MlpShape& shape = network_.shape();
  const std::size_t n_periodic = 2 * shape.n_periodic();
  if (quantized_[0]) {
    buffers.dense.resize(shape.n_dense());
    network_.write_dense(input, buffers.row, kRow, buffers.dense.data(), buffers.turns);
    quantized_[0]->add(buffers.dense.data(), 1, buffers.sums.data(), buffers.quantized);
    network_.add_sparse(buffers.row, kRow, buffers.sums.data());
    return;
  }
  first_->add(network_, input, buffers.row, 0, buffers, buffers.sums.data());
  if (n_periodic == 0) return;
  buffers.periodic.resize(n_periodic);
  network_.write_periodic(buffers.row.numbers.data(), buffers.periodic.data(), buffers.turns);
  kernel::add_products_of_row(buffers.periodic.data(), panels_[0].data(), n_periodic, shape.width,
                              buffers.sums.data());
}

void MlpPredictor::add_row(const MlpInput& input, MlpRowBuffers& buffers, std::span<float> out) const {
  const MlpShape& shape = network_.shape();
  const std::size_t width = shape.width;
  buffers.hidden.resize(width);
  buffers.sums.resize(width);
  for (std::size_t layer = 0; layer < shape.n_layers; ++layer) {
    std::ranges::fill(buffers.sums, 0.0F);
    if (layer == 0)
      add_first_of_row(input, buffers);
    else
      add_layer(layer, buffers.hidden.data(), width, buffers, buffers.sums.data());
    float inverse = 0;
    if (shape.norm == MlpNorm::kLayer)
      kernel::normalize_rows(MlpNetwork::kEpsilon, 1, width, buffers.sums.data(), &inverse);
    kernel::silu_rows(buffers.sums.data(), factor_[layer].data(), shift_[layer].data(), 1, width,
                      buffers.hidden.data());
  }
  kernel::axpy(1.0F, network_.part(network_.bias()).data(), out.data(), shape.n_outputs);
  add_layer(shape.n_layers, buffers.hidden.data(), shape.n_outputs, buffers, out.data());
}

}  // namespace kolosal::model
