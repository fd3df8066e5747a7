#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/model/mlp_input.hpp"
#include "kolosal/model/mlp_quantized.hpp"

namespace kolosal::model {

/// What is done to the sums of a hidden layer before its activation.
enum class MlpNorm : std::uint8_t {
  kNone,
  kBatch,  ///< Ioffe and Szegedy (2015): mean 0 and variance 1 over the rows of a batch
  kLayer,  ///< Ba, Kiros and Hinton (2016): over the units of a row
};

/// Sizes of a network: a dense input (numbers and bins as MlpInput writes them, then sines and cosines of the
/// numbers at learnt frequencies, then vectors of embedded levels) and sparse features; hidden layers of
/// equal width; outputs.
struct MlpShape {
  std::size_t n_fixed = 0;
  std::size_t n_numbers = 0;
  std::vector<std::size_t> n_bins;  ///< of each number: the last ones of the n_fixed
  std::size_t n_frequencies = 0;    ///< per number; 0: no sines and cosines
  std::vector<MlpInput::Embedding> embeddings;
  std::size_t n_sparse = 0;
  std::size_t width = 256;
  std::size_t n_layers = 2;  ///< hidden ones, at least 1
  std::size_t n_outputs = 1;
  MlpNorm norm = MlpNorm::kBatch;

  static MlpShape of(const MlpInput& input);
  std::size_t n_periodic() const { return n_numbers * n_frequencies; }
  std::size_t n_dense() const;
  /// Inputs and outputs of the dense weights of a layer; layer n_layers is the output.
  std::size_t depth(std::size_t layer) const { return layer == 0 ? n_dense() : width; }
  std::size_t n_columns(std::size_t layer) const { return layer < n_layers ? width : n_outputs; }
  /// Whether a quantized layer is computed in whole numbers, and not in float32: large enough
  /// (QuantizedLayer::pays), and not the first where most dense inputs of a row are 0, which float32 leaves
  /// out.
  bool pays_in_whole_numbers(std::size_t layer) const;

 private:
  /// Dense inputs of a row that float32 multiplies, at most.
  std::size_t n_terms() const;
};

/// The numbers of a network. A hidden layer is SiLU(factor * norm(x W) + shift), the output x W + bias.
class MlpNetwork {
 public:
  static constexpr float kEpsilon = 1e-5F;  ///< Added to variances.
  // Names in a file, of networks that are computed in whole numbers alone.
  static constexpr const char* kWeightBits = "weight_bits";
  static constexpr const char* kInputLimits = "input_limits";
  /// A range of parameters().
  struct Part {
    std::size_t begin = 0;
    std::size_t size = 0;
  };

  MlpNetwork() = default;
  /// All weights 0, factors 1.
  explicit MlpNetwork(MlpShape shape);
  /// Draws weights (He et al., 2015), level vectors and frequencies (of standard deviation
  /// frequency_scale). output_bias: what the network gives before it has learnt.
  void draw(std::uint64_t seed, double frequency_scale, std::span<const double> output_bias);

  const MlpShape& shape() const { return shape_; }
  std::span<float> parameters() { return parameters_; }
  std::span<const float> parameters() const { return parameters_; }
  std::span<const float> part(Part part) const { return parameters().subspan(part.begin, part.size); }
  std::span<float> part(Part part) { return parameters().subspan(part.begin, part.size); }

  /// Weights of a layer, a row of outputs per input; layer n_layers is the output. The first layer has the
  /// dense inputs, then the sparse features.
  Part weights(std::size_t layer) const;
  Part factor(std::size_t layer) const { return {norms_ + 2 * layer * shape_.width, shape_.width}; }
  Part shift(std::size_t layer) const { return {norms_ + (2 * layer + 1) * shape_.width, shape_.width}; }
  Part bias() const { return {norms_ + 2 * shape_.n_layers * shape_.width, shape_.n_outputs}; }
  Part embedding(std::size_t index) const;
  Part frequencies() const { return {frequencies_, shape_.n_periodic()}; }
  /// Weight decay is for the first so many parameters: the weights of the layers.
  std::size_t n_decayed() const { return embeddings_; }

  /// Batch norm's averages of the sums of a layer, for prediction.
  std::span<float> running_mean(std::size_t layer) { return running(2 * layer); }
  std::span<float> running_variance(std::size_t layer) { return running(2 * layer + 1); }
  std::span<const float> running_mean(std::size_t layer) const { return running(2 * layer); }
  std::span<const float> running_variance(std::size_t layer) const { return running(2 * layer + 1); }

  /// Sines, then cosines of the numbers (NaN: 0) of a row: 2 * n_periodic. turns: a buffer.
  void write_periodic(const float* numbers, float* out, std::vector<float>& turns) const;
  /// The dense input of some rows: rows.size() x n_dense. turns: a buffer.
  void write_dense(const MlpInput& input, const MlpRows& table, std::span<const std::uint32_t> rows,
                   float* out, std::vector<float>& turns) const;
  /// sums (rows.size() x width) += the sparse features of some rows times their weights.
  void add_sparse(const MlpRows& table, std::span<const std::uint32_t> rows, float* sums) const;

  /// Whether and how it is to be computed in whole numbers. Its weights are in float32 all the same.
  const MlpQuantization& quantization() const { return quantization_; }
  /// A range of parameters() that is a matrix, row by row.
  struct Matrix {
    std::size_t begin = 0, depth = 0, n_columns = 0;
  };
  /// The weights of the layers (of the first those of the dense inputs, then those of the sparse features)
  /// and the tables of levels: all that is worth rounding. Together a beginning of parameters().
  std::vector<Matrix> matrices() const;

  /// Rounds the weights of each layer but the first to float16, where that holds them: a row alone then reads
  /// half as much (MlpPredictor). A weight changes by at most 2^-11 of itself, or 2^-25.
  void round_to_float16();

  void save(artifact::Node& node) const;
  /// @throws Error kModel when the sizes differ from those of shape.
  static MlpNetwork load(const artifact::Node& node, const MlpShape& shape);

 private:
  std::span<float> running(std::size_t i) {
    return std::span(running_).subspan(i * shape_.width, shape_.width);
  }
  std::span<const float> running(std::size_t i) const {
    return std::span(running_).subspan(i * shape_.width, shape_.width);
  }

  MlpShape shape_;
  MlpQuantization quantization_;
  std::vector<float> parameters_;  // weights by layer, embeddings, frequencies, factors and shifts, bias
  std::vector<float> running_;     // mean and variance by layer
  std::size_t embeddings_ = 0, frequencies_ = 0, norms_ = 0;  // where these begin
};

/// "batch", "layer", "none".
MlpNorm mlp_norm_from_name(const std::string& name);

}  // namespace kolosal::model
