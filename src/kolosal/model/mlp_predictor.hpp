#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/model/mlp_network.hpp"
#include "kolosal/model/mlp_quantized.hpp"

namespace kolosal::model {

/// Buffers of MlpPredictor::add_row().
struct MlpRowBuffers {
  MlpRows row;  ///< what to predict
  std::vector<float> sums, hidden, turns, periodic;
  std::vector<MlpTerm> terms;
  std::vector<const float*> rows;  ///< of the first layer's weights
  std::vector<float> factors;      ///< of those
  std::vector<float> dense;        ///< inputs of a first layer in whole numbers
  QuantizedScratch quantized;
};

/// The first layer of a network for inputs of which most are 0: a row of weights for each input that is not.
/// The bins below that of a number are one row, the sum of theirs, and so is the vector of a level times its
/// weights, where the table of these is not too large. Immutable.
class MlpFirstLayer {
 public:
  explicit MlpFirstLayer(const MlpNetwork& network);
  /// sums (width) += row `row` of a table times the weights of its inputs, but for sines and cosines.
  /// network: the one this was made of, or a copy.
  void add(const MlpNetwork& network, const MlpInput& input, const MlpRows& table, std::size_t row,
           MlpRowBuffers& buffers, float* sums) const;

 private:
  void add_levels(const MlpNetwork& network, const MlpRows& table, std::size_t row,
                  MlpRowBuffers& buffers) const;

  std::vector<float> below_;                // by bin: the sum of the weights of those up to it
  std::vector<std::vector<float>> levels_;  // by embedding: products by level; empty: too many
};

/// A network made ready to predict: weights packed for the product kernels, in whole numbers where the
/// network is quantized and that pays. Immutable.
class MlpPredictor {
 public:
  explicit MlpPredictor(MlpNetwork network);
  const MlpNetwork& network() const { return network_; }
  /// Adds the outputs of all rows to out (n_rows x n_outputs), before any link. A row's numbers do not depend
  /// on the rows around it.
  void add_outputs(const MlpInput& input, const MlpRows& rows, std::span<float> out,
                   const Context& context) const;
  /// The same for buffers.row, without a matrix. The same numbers, to the byte.
  void add_row(const MlpInput& input, MlpRowBuffers& buffers, std::span<float> out) const;
  /// Layers that are computed in whole numbers.
  std::size_t n_quantized_layers() const;
  /// Shows the dense inputs of each layer (a block of rows x depth at a time, layer by layer) on the way to
  /// the outputs of rows.
  using SeeInputs = std::function<void(std::size_t layer, std::span<const float> inputs)>;
  void visit_layer_inputs(const MlpInput& input, const MlpRows& rows, const SeeInputs& see) const;

 private:
  struct Block;

  void pack_layer(std::size_t layer, std::size_t depth, std::size_t n_columns);
  void add_block(const MlpInput& input, const MlpRows& table, std::size_t begin, std::size_t end, float* out,
                 const SeeInputs* see) const;
  void add_first(const MlpInput& input, const MlpRows& table, std::size_t begin, Block& block,
                 const SeeInputs* see) const;
  /// out += inputs of a row times the weights of a layer that is not the first.
  void add_layer(std::size_t layer, const float* inputs, std::size_t n_columns, MlpRowBuffers& buffers,
                 float* out) const;
  void add_first_of_row(const MlpInput& input, MlpRowBuffers& buffers) const;

  MlpNetwork network_;
  std::optional<MlpFirstLayer> first_;              // where the first layer is not in whole numbers
  std::vector<std::vector<float>> panels_;          // by layer, the output among them; 0: sines and cosines
  std::vector<std::vector<std::uint16_t>> halves_;  // in place of panels where float16 holds the weights
  std::vector<std::optional<QuantizedLayer>> quantized_;  // by layer, in place of panels
  std::vector<std::vector<float>> factor_, shift_;        // by hidden layer, batch norm's averages taken in
};

}  // namespace kolosal::model
