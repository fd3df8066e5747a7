#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/infer/quantization/quantizer.hpp"
#include "kolosal/model/network_learner.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer {

/// The largest input of each layer that a network is to be ready for (model::MlpQuantization::limits).
using LayerLimits = std::vector<float>;

/// Limits of the layers of each network of a learner, found on rows by a rule (Quantizer).
/// features: the columns of the learner.
std::vector<LayerLimits> find_layer_limits(const model::NetworkLearner& learner, const data::Frame& features,
                                           RangeRule rule);

/// The columns that the learner of a pipeline sees for rows as pipeline::Model::predict() takes them.
data::Frame learner_columns(const pipeline::Model& model, const pipeline::Member& member,
                            const pipeline::Pipeline& pipeline, const data::Frame& rows,
                            const Context& context);

/// Weights of a network as the packed array "matrices" (artifact/packed_arrays.hpp), as
/// model::QuantizedWeights rounds them to 8 or 4 bits.
struct PackedNetwork {
  artifact::Node array;
  std::vector<float> rounded;  ///< what will be read back
  std::size_t n_bytes = 0;
};
PackedNetwork pack_network(std::span<const float> parameters,
                           std::span<const model::MlpNetwork::Matrix> matrices, int bits);

/// Layers of networks, and those that are computed in whole numbers.
struct LayerCount {
  std::size_t n_whole = 0, n_all = 0;
  void add(const model::MlpShape& shape);
  /// "whole numbers, 2 of 3 layers"
  std::string text() const;
};

}  // namespace kolosal::infer
