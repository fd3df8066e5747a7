#include "kolosal/infer/quantization/quantized_network.hpp"

#include <fmt/format.h>

#include "kolosal/artifact/packed_arrays.hpp"
#include "kolosal/model/mlp_quantized.hpp"

namespace kolosal::infer {

data::Frame learner_columns(const pipeline::Model& model, const pipeline::Member& member,
                            const pipeline::Pipeline& pipeline, const data::Frame& rows,
                            const Context& context) {
  const data::Frame features = model.base.transform(model.schema.conform(rows), context);
  const data::Frame view = model.views.at(member.view).transform(features, context);
  return pipeline.recipe().transform(view, context).select(pipeline.estimator().feature_names());
}

std::vector<LayerLimits> find_layer_limits(const model::NetworkLearner& learner, const data::Frame& features,
                                           RangeRule rule) {
  const model::MlpRows rows = learner.input().encode(features);
  std::vector<LayerLimits> out;
  for (const model::MlpPredictor& network : learner.networks()) {
    std::vector<Quantizer> layers(
        network.network().shape().n_layers + 1,
        Quantizer({.type = QuantizedType::kInt8, .is_symmetric = true, .rule = rule}));
    network.visit_layer_inputs(learner.input(), rows, [&](std::size_t layer, std::span<const float> inputs) {
      if (!inputs.empty()) layers[layer].observe(inputs);
    });
    LayerLimits& limits = out.emplace_back();
    for (const Quantizer& layer : layers)
      limits.push_back(layer.has_observed() ? 127 * layer.steps().front().scale : 0.0F);
  }
  return out;
}

PackedNetwork pack_network(std::span<const float> parameters,
                           std::span<const model::MlpNetwork::Matrix> matrices, int bits) {
  PackedNetwork out;
  std::vector<std::int64_t> depth, columns;
  std::vector<float> scale;
  std::vector<std::int8_t> numbers;
  for (const auto& matrix : matrices) {
    const auto weights = parameters.subspan(matrix.begin, matrix.depth * matrix.n_columns);
    const auto rounded = model::QuantizedWeights::of(weights, matrix.depth, matrix.n_columns, bits);
    depth.push_back(static_cast<std::int64_t>(matrix.depth));
    columns.push_back(static_cast<std::int64_t>(matrix.n_columns));
    scale.insert(scale.end(), rounded.steps.begin(), rounded.steps.end());
    numbers.insert(numbers.end(), rounded.numbers.begin(), rounded.numbers.end());
    const auto back = rounded.rounded();
    out.rounded.insert(out.rounded.end(), back.begin(), back.end());
  }
  const auto rest = parameters.subspan(numbers.size());
  out.rounded.insert(out.rounded.end(), rest.begin(), rest.end());
  std::vector<std::uint8_t> data((numbers.size() * static_cast<std::size_t>(bits) + 7) / 8, 0);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto q = static_cast<std::uint8_t>(numbers[i]);
    if (bits == 8)
      data[i] = q;
    else
      data[i / 2] = static_cast<std::uint8_t>(data[i / 2] | (q & 0xF) << (i % 2 * 4));
  }
  out.array.set(std::string(artifact::kPackedName), "matrices");
  out.array.set("type", static_cast<std::int64_t>(artifact::ElementType::kFloat32));
  out.array.set("n", parameters.size());
  out.array.set("bits", bits);
  out.array.set("group", bits == 8 ? std::size_t{0} : model::QuantizedWeights::kQuantizedDepth);
  out.array.set_array("depth", depth);
  out.array.set_array("columns", columns);
  out.array.set_array("scale", scale);
  out.array.set_array("data", data);
  out.array.set_array("rest", rest);
  out.n_bytes = data.size() + (scale.size() + rest.size()) * sizeof(float);
  return out;
}

void LayerCount::add(const model::MlpShape& shape) {
  n_all += shape.n_layers + 1;
  for (std::size_t layer = 0; layer <= shape.n_layers; ++layer)
    n_whole += shape.pays_in_whole_numbers(layer) ? 1 : 0;
}

std::string LayerCount::text() const {
  return n_whole == 0 ? "float32" : fmt::format("whole numbers, {} of {} layers", n_whole, n_all);
}

}  // namespace kolosal::infer
