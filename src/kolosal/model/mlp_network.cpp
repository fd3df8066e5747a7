#include "kolosal/model/mlp_network.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/half_floats.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/kernel/network_ops.hpp"

namespace kolosal::model {

MlpShape MlpShape::of(const MlpInput& input) {
  MlpShape out;
  out.n_fixed = input.n_fixed();
  out.n_numbers = input.n_numbers();
  out.n_bins = input.n_bins();
  out.embeddings = input.embeddings();
  out.n_sparse = input.n_sparse();
  return out;
}

std::size_t MlpShape::n_dense() const {
  std::size_t n = n_fixed + 2 * n_periodic();
  for (const auto& table : embeddings) n += table.size;
  return n;
}

// Of a number's bins its own counts and the sum of those below; of a level's vector its product.
std::size_t MlpShape::n_terms() const {
  std::size_t out = n_fixed + 2 * n_periodic() + embeddings.size();
  for (const std::size_t bins : n_bins) out = out - bins + std::min<std::size_t>(bins, 2);
  return out;
}

bool MlpShape::pays_in_whole_numbers(std::size_t layer) const {
  constexpr std::size_t kFaster = 3;  // a row of whole numbers (bench/quantized_products.py)
  return QuantizedLayer::pays(depth(layer), n_columns(layer)) &&
         (layer > 0 || kFaster * n_terms() >= n_dense());
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

void MlpNetwork::write_periodic(const float* numbers, float* out, std::vector<float>& turns) const {
  const std::size_t n_periodic = shape_.n_periodic();
  const std::span<const float> frequency = part(frequencies());
  turns.resize(n_periodic);
  for (std::size_t i = 0; i < n_periodic; ++i) {
    const float number = numbers[i / shape_.n_frequencies];
    turns[i] = frequency[i] * (std::isnan(number) ? 0.0F : number);
  }
  kernel::sine_cosine(turns.data(), out, out + n_periodic, n_periodic);
}

void MlpNetwork::write_dense(const MlpInput& input, const MlpRows& table, std::span<const std::uint32_t> rows,
                             float* out, std::vector<float>& turns) const {
  const std::size_t n_dense = shape_.n_dense();
  for (const std::uint32_t row : rows) {
    input.write_fixed(table, row, out);
    float* next = out + shape_.n_fixed;
    write_periodic(out, next, turns);
    next += 2 * shape_.n_periodic();
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

void MlpNetwork::round_to_float16() {
  constexpr float kLargest = 65504;
  for (std::size_t layer = 1; layer <= shape_.n_layers; ++layer) {
    const std::span<float> values = part(weights(layer));
    // NaN compares with nothing.
    if (!std::ranges::all_of(values, [](float value) { return std::fabs(value) <= kLargest; })) continue;
    for (float& value : values) value = from_float16(to_float16(value));
  }
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

MlpNorm mlp_norm_from_name(const std::string& name) {
  if (name == "batch") return MlpNorm::kBatch;
  if (name == "layer") return MlpNorm::kLayer;
  if (name == "none") return MlpNorm::kNone;
  throw Error(ErrorCode::kInvalidParameter, "normalization of mlp must be batch, layer or none: \"{}\"",
              name);
}

}  // namespace kolosal::model
