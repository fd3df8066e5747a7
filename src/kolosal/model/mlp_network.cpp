#include "kolosal/model/mlp_network.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/kernel/float_products.hpp"
#include "kolosal/kernel/network_ops.hpp"

namespace kolosal::model {

MlpShape MlpShape::of(const MlpInput& input) {
  MlpShape out;
  out.n_fixed = input.n_fixed();
  out.n_numbers = input.n_numbers();
  out.embeddings = input.embeddings();
  out.n_sparse = input.n_sparse();
  return out;
}

std::size_t MlpShape::n_dense() const {
  std::size_t n = n_fixed + 2 * n_periodic();
  for (const auto& table : embeddings) n += table.size;
  return n;
}

MlpNetwork::MlpNetwork(MlpShape shape) : shape_(std::move(shape)) {
  const Part output = weights(shape_.n_layers);
  embeddings_ = output.begin + output.size;
  frequencies_ = embeddings_;
  for (const auto& table : shape_.embeddings) frequencies_ += table.n_levels * table.size;
  norms_ = frequencies_ + shape_.n_periodic();
  parameters_.assign(norms_ + 2 * shape_.n_layers * shape_.width + shape_.n_outputs, 0.0F);
  running_.assign(2 * shape_.n_layers * shape_.width, 0.0F);
  for (std::size_t layer = 0; layer < shape_.n_layers; ++layer) {
    std::ranges::fill(part(factor(layer)), 1.0F);
    std::ranges::fill(running_variance(layer), 1.0F);
  }
}

MlpNetwork::Part MlpNetwork::weights(std::size_t layer) const {
  const std::size_t first = (shape_.n_dense() + shape_.n_sparse) * shape_.width;
  const std::size_t square = shape_.width * shape_.width;
  if (layer == 0) return {0, first};
  return {first + (layer - 1) * square, layer < shape_.n_layers ? square : shape_.width * shape_.n_outputs};
}

MlpNetwork::Part MlpNetwork::embedding(std::size_t index) const {
  Part out{embeddings_, 0};
  for (std::size_t i = 0; i <= index; ++i) {
    out.begin += out.size;
    out.size = shape_.embeddings[i].n_levels * shape_.embeddings[i].size;
  }
  return out;
}

void MlpNetwork::draw(std::uint64_t seed, double frequency_scale, std::span<const double> output_bias) {
  const auto fill = [&](Part where, std::string_view name, std::uint64_t index, double deviation) {
    Rng rng(derive_seed(seed, {name, index}));
    for (float& value : part(where)) value = static_cast<float>(deviation * rng.normal());
  };
  // One-hot features are mostly 0: a row has about one per column, not n_sparse.
  const double n_first = static_cast<double>(std::max<std::size_t>(1, shape_.n_dense()));
  const double n_width = static_cast<double>(shape_.width);
  fill(weights(0), "weights", 0, std::sqrt(2 / std::max(n_first, 16.0)));
  for (std::size_t layer = 1; layer < shape_.n_layers; ++layer)
    fill(weights(layer), "weights", layer, std::sqrt(2 / n_width));
  // Small, so that the first predictions are the mean of the target.
  fill(weights(shape_.n_layers), "weights", shape_.n_layers, 0.1 / std::sqrt(n_width));
  for (std::size_t i = 0; i < shape_.embeddings.size(); ++i)
    fill(embedding(i), "embedding", i, 1 / std::sqrt(static_cast<double>(shape_.embeddings[i].size)));
  fill(frequencies(), "frequencies", 0, frequency_scale);
  std::ranges::transform(output_bias, part(bias()).begin(), [](double v) { return static_cast<float>(v); });
}

void MlpNetwork::write_dense(const MlpInput& input, const MlpRows& table, std::span<const std::uint32_t> rows,
                             float* out, std::vector<float>& turns) const {
  const std::size_t n_dense = shape_.n_dense(), n_periodic = shape_.n_periodic();
  const std::span<const float> frequency = part(frequencies());
  turns.resize(n_periodic);
  for (const std::uint32_t row : rows) {
    input.write_fixed(table, row, out);
    float* next = out + shape_.n_fixed;
    for (std::size_t i = 0; i < n_periodic; ++i) turns[i] = frequency[i] * out[i / shape_.n_frequencies];
    kernel::sine_cosine(turns.data(), next, next + n_periodic, n_periodic);
    next += 2 * n_periodic;
    for (std::size_t i = 0; i < shape_.embeddings.size(); ++i) {
      const std::size_t size = shape_.embeddings[i].size;
      const std::int32_t level = table.embedded[row * shape_.embeddings.size() + i];
      if (level < 0)
        std::fill_n(next, size, 0.0F);
      else
        std::copy_n(part(embedding(i)).data() + static_cast<std::size_t>(level) * size, size, next);
      next += size;
    }
    out += n_dense;
  }
}

void MlpNetwork::add_sparse(const MlpRows& table, std::span<const std::uint32_t> rows, float* sums) const {
  const float* weight = part(weights(0)).data() + shape_.n_dense() * shape_.width;
  for (const std::uint32_t row : rows) {
    for (auto p = static_cast<std::size_t>(table.offsets[row]);
         p < static_cast<std::size_t>(table.offsets[row + 1]); ++p)
      kernel::axpy(table.values[p], weight + static_cast<std::size_t>(table.indices[p]) * shape_.width, sums,
                   shape_.width);
    sums += shape_.width;
  }
}

std::vector<MlpNetwork::Matrix> MlpNetwork::matrices() const {
  const std::size_t width = shape_.width, n_dense = shape_.n_dense();
  std::vector<Matrix> out = {{0, n_dense, width}, {n_dense * width, shape_.n_sparse, width}};
  for (std::size_t layer = 1; layer <= shape_.n_layers; ++layer)
    out.push_back({weights(layer).begin, width, layer < shape_.n_layers ? width : shape_.n_outputs});
  for (std::size_t i = 0; i < shape_.embeddings.size(); ++i)
    out.push_back({embedding(i).begin, shape_.embeddings[i].n_levels, shape_.embeddings[i].size});
  return out;
}

void MlpNetwork::save(artifact::Node& node) const {
  node.set_array("parameters", parameters_);
  node.set_array("running", running_);
  if (!quantization_.is_on()) return;
  node.set(kWeightBits, quantization_.bits);
  node.set_array(kInputLimits, quantization_.limits);
}

MlpNetwork MlpNetwork::load(const artifact::Node& node, const MlpShape& shape) {
  MlpNetwork out(shape);
  const auto parameters = node.array<float>("parameters"), running = node.array<float>("running");
  if (parameters.size() != out.parameters_.size() || running.size() != out.running_.size())
    throw Error(ErrorCode::kModel, "a network is damaged: {} and {} numbers instead of {} and {}",
                parameters.size(), running.size(), out.parameters_.size(), out.running_.size());
  std::ranges::copy(parameters, out.parameters_.begin());
  std::ranges::copy(running, out.running_.begin());
  if (!node.has(kWeightBits)) return out;
  const std::int64_t bits = node.get_int(kWeightBits);
  out.quantization_ = {static_cast<int>(bits), node.get_vector<float>(kInputLimits)};
  const auto& limits = out.quantization_.limits;
  const bool is_whole = (bits == 8 || bits == 4) && (limits.empty() || limits.size() == shape.n_layers + 1) &&
                        std::ranges::all_of(limits, [](float x) { return x >= 0 && std::isfinite(x); });
  if (!is_whole) throw Error(ErrorCode::kModel, "a network is damaged: its whole numbers of {} bits", bits);
  return out;
}

MlpPredictor::MlpPredictor(MlpNetwork network) : network_(std::move(network)) {
  const MlpShape& shape = network_.shape();
  const std::size_t width = shape.width;
  for (std::size_t layer = 0; layer <= shape.n_layers; ++layer)
    add_packed_layer(layer, layer == 0 ? shape.n_dense() : width,
                     layer < shape.n_layers ? width : shape.n_outputs);
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

void MlpPredictor::add_packed_layer(std::size_t layer, std::size_t depth, std::size_t n_columns) {
  const auto weights = network_.part(network_.weights(layer)).first(depth * n_columns);
  const MlpQuantization& how = network_.quantization();
  is_finite_.push_back(std::ranges::all_of(weights, [](float weight) { return std::isfinite(weight); }));
  quantized_.emplace_back();
  panels_.emplace_back();
  if (how.is_on() && is_finite_.back() && QuantizedLayer::pays(depth, n_columns)) {
    quantized_.back().emplace(QuantizedWeights::of(weights, depth, n_columns, how.bits),
                              how.limits.empty() ? 0.0F : how.limits[layer]);
    return;
  }
  panels_.back().resize(kernel::panels_size(depth, n_columns));
  kernel::pack_panels(weights.data(), n_columns, 1, depth, n_columns, panels_.back().data());
}

std::size_t MlpPredictor::n_quantized_layers() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(quantized_, [](const auto& l) { return l.has_value(); }));
}

void MlpPredictor::add_layer_block(std::size_t layer, const float* inputs, std::size_t n_rows,
                                   std::size_t depth, std::size_t n_columns, QuantizedScratch& scratch,
                                   float* out) const {
  if (quantized_[layer]) return quantized_[layer]->add(inputs, n_rows, out, scratch);
  kernel::add_products({inputs, depth, 1}, n_rows, panels_[layer].data(), depth, n_columns, out, n_columns);
}

void MlpPredictor::add_block(const MlpInput& input, const MlpRows& table, std::span<const std::uint32_t> rows,
                             float* out, const SeeInputs* see) const {
  const MlpShape& shape = network_.shape();
  const std::size_t n = rows.size(), width = shape.width;
  std::vector<float> dense(n * shape.n_dense()), sums(n * width), hidden(n * width), inverse(n), turns;
  QuantizedScratch scratch;
  network_.write_dense(input, table, rows, dense.data(), turns);
  for (std::size_t layer = 0; layer < shape.n_layers; ++layer) {
    const float* from = layer == 0 ? dense.data() : hidden.data();
    const std::size_t depth = layer == 0 ? shape.n_dense() : width;
    std::ranges::fill(sums, 0.0F);
    if (see) (*see)(layer, std::span(from, n * depth));
    add_layer_block(layer, from, n, depth, width, scratch, sums.data());
    if (layer == 0) network_.add_sparse(table, rows, sums.data());
    if (shape.norm == MlpNorm::kLayer)
      kernel::normalize_rows(MlpNetwork::kEpsilon, n, width, sums.data(), inverse.data());
    kernel::silu_rows(sums.data(), factor_[layer].data(), shift_[layer].data(), n, width, hidden.data());
  }
  const auto bias = network_.part(network_.bias());
  for (std::size_t i = 0; i < n; ++i)
    kernel::axpy(1.0F, bias.data(), out + i * shape.n_outputs, shape.n_outputs);
  if (see) (*see)(shape.n_layers, hidden);
  add_layer_block(shape.n_layers, hidden.data(), n, width, shape.n_outputs, scratch, out);
}

void MlpPredictor::add_outputs(const MlpInput& input, const MlpRows& rows, std::span<float> out,
                               const Context& context) const {
  constexpr std::size_t kBlock = 192;  // a block's sums of two layers stay in the cache
  context.parallel_blocks(rows.n_rows, kBlock, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint32_t> block(end - begin);
    std::iota(block.begin(), block.end(), static_cast<std::uint32_t>(begin));
    add_block(input, rows, block, out.data() + begin * network_.shape().n_outputs, nullptr);
  });
}

void MlpPredictor::visit_layer_inputs(const MlpInput& input, const MlpRows& rows,
                                      const SeeInputs& see) const {
  constexpr std::size_t kBlock = 192;
  std::vector<float> outputs(kBlock * network_.shape().n_outputs);
  for (std::size_t begin = 0; begin < rows.n_rows; begin += kBlock) {
    std::vector<std::uint32_t> block(std::min(kBlock, rows.n_rows - begin));
    std::iota(block.begin(), block.end(), static_cast<std::uint32_t>(begin));
    add_block(input, rows, block, outputs.data(), &see);
  }
}

void MlpPredictor::add_layer(std::size_t layer, std::span<const float> inputs, std::size_t n_columns,
                             MlpRowBuffers& buffers, float* out) const {
  if (quantized_[layer]) return quantized_[layer]->add(inputs.data(), 1, out, buffers.quantized);
  if (!is_finite_[layer]) {  // 0 times infinity is no 0
    kernel::add_products({inputs.data(), inputs.size(), 1}, 1, panels_[layer].data(), inputs.size(),
                         n_columns, out, n_columns);
    return;
  }
  buffers.values.resize(std::max(buffers.values.size(), inputs.size()));
  buffers.at.resize(buffers.values.size());
  std::size_t n = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    buffers.values[n] = inputs[i];
    buffers.at[n] = static_cast<std::uint32_t>(i);
    n += inputs[i] != 0 ? 1 : 0;
  }
  kernel::add_row_products(buffers.values.data(), buffers.at.data(), n, panels_[layer].data(), inputs.size(),
                           n_columns, out);
}

void MlpPredictor::add_row(const MlpInput& input, MlpRowBuffers& buffers, std::span<float> out) const {
  constexpr std::uint32_t kRow[] = {0};
  const MlpShape& shape = network_.shape();
  const std::size_t width = shape.width, n_dense = shape.n_dense();
  buffers.hidden.resize(std::max(width, n_dense));
  buffers.sums.resize(width);
  network_.write_dense(input, buffers.row, kRow, buffers.hidden.data(), buffers.turns);
  for (std::size_t layer = 0; layer < shape.n_layers; ++layer) {
    std::ranges::fill(buffers.sums, 0.0F);
    add_layer(layer, std::span(buffers.hidden).first(layer == 0 ? n_dense : width), width, buffers,
              buffers.sums.data());
    if (layer == 0) network_.add_sparse(buffers.row, kRow, buffers.sums.data());
    float inverse = 0;
    if (shape.norm == MlpNorm::kLayer)
      kernel::normalize_rows(MlpNetwork::kEpsilon, 1, width, buffers.sums.data(), &inverse);
    kernel::silu_rows(buffers.sums.data(), factor_[layer].data(), shift_[layer].data(), 1, width,
                      buffers.hidden.data());
  }
  kernel::axpy(1.0F, network_.part(network_.bias()).data(), out.data(), shape.n_outputs);
  add_layer(shape.n_layers, std::span(buffers.hidden).first(width), shape.n_outputs, buffers, out.data());
}

MlpNorm mlp_norm_from_name(const std::string& name) {
  if (name == "batch") return MlpNorm::kBatch;
  if (name == "layer") return MlpNorm::kLayer;
  if (name == "none") return MlpNorm::kNone;
  throw Error(ErrorCode::kInvalidParameter, "normalization of mlp must be batch, layer or none: \"{}\"",
              name);
}

}  // namespace kolosal::model
