#pragma once

#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/model/mlp_network.hpp"

namespace kolosal::model {

/// Buffers of MlpPredictor::add_row().
struct MlpRowBuffers {
  MlpRows row;  ///< what to predict
  std::vector<float> sums, hidden, turns, periodic;
  std::vector<MlpTerm> terms;
  std::vector<const float*> rows;  ///< of the first layer's weights
  std::vector<float> factors;      ///< of those
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

/// A network made ready to predict: weights packed for the product kernels. Immutable.
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

 private:
  void add_block(const MlpInput& input, const MlpRows& table, std::size_t begin, std::size_t end,
                 float* out) const;

  MlpNetwork network_;
  MlpFirstLayer first_;
  std::vector<std::vector<float>> panels_;          // by layer, the output among them; 0: sines and cosines
  std::vector<std::vector<float>> factor_, shift_;  // by hidden layer, batch norm's averages taken in
};

}  // namespace kolosal::model
