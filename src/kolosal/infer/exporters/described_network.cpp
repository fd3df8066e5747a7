#include "kolosal/infer/exporters/described_network.hpp"

#include <cmath>

#include "kolosal/core/error.hpp"
#include "kolosal/model/mlp_network.hpp"

namespace kolosal::infer::exporters {
namespace {

using artifact::Node;
using model::MlpNetwork;
using model::MlpNorm;
using model::MlpShape;

constexpr double kCut = 8;  // deviations, as model::MlpInput cuts

/// The input of the first layer as values, in the order of its weights.
class NetworkInput {
 public:
  NetworkInput(ModelDescriber& to, const Node& state, const DescribedTable& table)
      : to_(to), state_(state), table_(table) {
    add_numbers();
  }

  /// Numbers, indicators, bins; the same for all networks.
  const std::vector<ValueId>& fixed() const { return fixed_; }
  /// Standardized numbers without holes.
  const std::vector<ValueId>& numbers() const { return numbers_; }

  /// The rows of the tables that embedded columns have in a network.
  void append_embedded(const MlpNetwork& network, std::vector<ValueId>& out) {
    for_each_levels([&](std::size_t c, std::int32_t embedding, std::span<const std::int32_t> slot) {
      if (embedding < 0) return;
      const auto index = static_cast<std::size_t>(embedding);
      const std::size_t size = network.shape().embeddings[index].size;
      const auto vectors = network.part(network.embedding(index));
      const ValueId in = table_.columns[c].values.at(0);
      LevelOperation op{.kind = LevelOperation::Kind::kNumbers,
                        .in = in,
                        .first_out = to_.add_numbers(table_.columns[c].name, size),
                        .width = static_cast<std::uint32_t>(size)};
      op.numbers.assign(to_.value(in).n_slots() * size, 0.0);
      for (std::size_t s = 1; s < to_.value(in).n_slots(); ++s) {
        const std::int32_t level = slot_of(slot, s);
        for (std::size_t i = 0; level >= 0 && i < size; ++i)
          op.numbers[s * size + i] = static_cast<double>(vectors[static_cast<std::size_t>(level) * size + i]);
      }
      for (std::size_t i = 0; i < size; ++i) out.push_back(op.first_out + static_cast<ValueId>(i));
      to_.add(std::move(op));
    });
  }

  /// Sparse features: levels of other columns, entries of sparse columns.
  std::vector<ValueId> sparse() {
    std::vector<ValueId> out(static_cast<std::size_t>(state_.get_int("n_sparse")));
    std::vector<std::uint8_t> is_known(out.size(), 0);
    const auto set = [&](std::int32_t place, ValueId id) {
      out[static_cast<std::size_t>(place)] = id;
      is_known[static_cast<std::size_t>(place)] = 1;
    };
    for_each_levels([&](std::size_t c, std::int32_t embedding, std::span<const std::int32_t> slot) {
      if (embedding >= 0) return;
      const DescribedColumn& column = table_.columns[c];
      if (table_.header.column(c).type() == data::ColumnType::kSparse) {
        for (std::size_t i = 0; i < slot.size() && i < column.values.size(); ++i)
          if (slot[i] >= 0) set(slot[i], column.values[i]);
        return;
      }
      add_one_hot(column, slot, set);
    });
    for (std::size_t i = 0; i < out.size(); ++i)
      if (!is_known[i]) out[i] = to_.constant(0);
    return out;
  }

 private:
  /// By slot of a level: slot 1 (missing) is the last one of the network's input, slot 0 (unseen) none.
  static std::int32_t slot_of(std::span<const std::int32_t> slot, std::size_t s) {
    if (s == 0) return -1;
    if (s == 1) return slot.back();
    return s - 2 + 1 < slot.size() ? slot[s - 2] : -1;
  }

  void add_one_hot(const DescribedColumn& column, std::span<const std::int32_t> slot, const auto& set) {
    const ValueId in = column.values.at(0);
    LevelOperation op{.kind = LevelOperation::Kind::kOneHot, .in = in};
    op.codes.assign(to_.value(in).n_slots(), -1);
    std::vector<std::int32_t> places;
    for (std::size_t s = 1; s < op.codes.size(); ++s) {
      const std::int32_t place = slot_of(slot, s);
      if (place < 0) continue;
      op.codes[s] = static_cast<std::int32_t>(places.size());
      places.push_back(place);
    }
    if (places.empty()) return;
    op.width = static_cast<std::uint32_t>(places.size());
    op.first_out = to_.add_numbers(column.name, places.size());
    for (std::size_t i = 0; i < places.size(); ++i) set(places[i], op.first_out + static_cast<ValueId>(i));
    to_.add(std::move(op));
  }

  template <typename Visit>
  void for_each_levels(const Visit& visit) const {
    const auto column = state_.array<std::int32_t>("slot_column"),
               embedding = state_.array<std::int32_t>("embedding"),
               n_slots = state_.array<std::int32_t>("n_slots"), slot = state_.array<std::int32_t>("slot");
    std::size_t at = 0;
    for (std::size_t i = 0; i < column.size(); ++i) {
      const auto n = static_cast<std::size_t>(n_slots[i]);
      visit(static_cast<std::size_t>(column[i]), embedding[i], slot.subspan(at, n));
      at += n;
    }
  }

  void add_numbers() {
    const auto column = state_.array<std::int32_t>("column"), n_edges = state_.array<std::int32_t>("n_edges");
    const auto centre = state_.array<double>("centre"), scale = state_.array<double>("scale");
    const auto has_indicator = state_.array<std::uint8_t>("indicator");
    std::vector<ValueId> z, indicators;
    for (std::size_t n = 0; n < column.size(); ++n) {
      const ValueId in = table_.columns[static_cast<std::size_t>(column[n])].values.at(0);
      z.push_back(
          to_.apply(CellFunction::kFloat, to_.apply(CellFunction::kScale, in, centre[n], scale[n], kCut)));
      numbers_.push_back(to_.apply(CellFunction::kFillNan, z.back(), 0));
      if (has_indicator[n]) indicators.push_back(to_.apply(CellFunction::kIsNan, z.back()));
    }
    fixed_ = numbers_;
    fixed_.insert(fixed_.end(), indicators.begin(), indicators.end());
    const auto edges = state_.array<float>("edges");
    std::size_t at = 0;
    for (std::size_t n = 0; n < z.size(); ++n) {
      const auto count = static_cast<std::size_t>(n_edges[n]);
      for (std::size_t b = 0; b + 1 < count; ++b) {
        const float low = edges[at + b], width = edges[at + b + 1] - edges[at + b];
        fixed_.push_back(
            to_.apply(CellFunction::kRamp, z[n], static_cast<double>(low), static_cast<double>(width)));
      }
      at += count;
    }
  }

  ModelDescriber& to_;
  const Node& state_;
  const DescribedTable& table_;
  std::vector<ValueId> fixed_, numbers_;
};

NetworkOperation::Layer hidden_layer(const MlpNetwork& network, std::size_t layer, std::size_t n_in) {
  const MlpShape& shape = network.shape();
  NetworkOperation::Layer out{.n_in = n_in, .n_out = shape.width};
  const auto weights = network.part(network.weights(layer));
  const auto factor = network.part(network.factor(layer)), shift = network.part(network.shift(layer));
  out.weights.assign(weights.begin(), weights.end());
  out.normalizes = shape.norm == MlpNorm::kLayer;
  out.factor.assign(factor.begin(), factor.end());
  out.shift.assign(shift.begin(), shift.end());
  if (shape.norm != MlpNorm::kBatch) return out;
  // Batch norm's averages, as model::MlpPredictor takes them in.
  const auto mean = network.running_mean(layer), variance = network.running_variance(layer);
  for (std::size_t j = 0; j < shape.width; ++j) {
    out.factor[j] /= std::sqrt(variance[j] + MlpNetwork::kEpsilon);
    out.shift[j] -= mean[j] * out.factor[j];
  }
  return out;
}

MlpShape shape_of(const Node& state, const model::Estimator& learner) {
  const auto input = model::MlpInput::load(state.child("input"), learner.feature_names().size());
  MlpShape out = MlpShape::of(input);
  out.width = static_cast<std::size_t>(state.get_int("width"));
  out.n_layers = static_cast<std::size_t>(state.get_int("n_layers"));
  out.n_frequencies = static_cast<std::size_t>(state.get_int("n_frequencies"));
  out.norm = static_cast<MlpNorm>(state.get_int("normalization"));
  out.n_outputs = learner.n_outputs();
  return out;
}

}  // namespace

ValueId describe_network(ModelDescriber& to, const Node& state, const model::Estimator& learner,
                         const DescribedTable& table) {
  const MlpShape shape = shape_of(state, learner);
  NetworkInput input(to, state.child("input"), table);
  const std::vector<ValueId> sparse = input.sparse();
  const auto n_networks = static_cast<std::size_t>(state.get_int("n_networks"));
  const std::size_t width = learner.n_outputs();
  BlendOperation mean{.width = static_cast<std::uint32_t>(width)};
  for (std::size_t i = 0; i < n_networks; ++i) {
    const MlpNetwork network = MlpNetwork::load(state.child(fmt::format("network {}", i)), shape);
    if (network.quantization().is_on())
      throw Error(ErrorCode::kUnsupported,
                  "can not export: the networks of mlp are computed in whole numbers of {} bits here; export "
                  "the model "
                  "that was quantized",
                  network.quantization().bits);
    NetworkOperation op;
    op.features = input.fixed();
    const auto frequency = network.part(network.frequencies());
    for (const auto function : {CellFunction::kSine, CellFunction::kCosine})
      for (std::size_t k = 0; k < frequency.size(); ++k)
        op.features.push_back(
            to.apply(function, input.numbers()[k / shape.n_frequencies], static_cast<double>(frequency[k])));
    input.append_embedded(network, op.features);
    op.features.insert(op.features.end(), sparse.begin(), sparse.end());
    for (std::size_t layer = 0; layer < shape.n_layers; ++layer)
      op.layers.push_back(hidden_layer(network, layer, layer == 0 ? op.features.size() : shape.width));
    const auto weights = network.part(network.weights(shape.n_layers)), bias = network.part(network.bias());
    op.layers.push_back({.n_in = shape.width,
                         .n_out = width,
                         .weights = {weights.begin(), weights.end()},
                         .shift = {bias.begin(), bias.end()}});
    op.first_out = to.add_numbers("mlp", width);
    ValueId first = op.first_out;
    to.add(std::move(op));
    if (learner.task() == data::Task::kBinary) first = to.apply(RowFunction::kSigmoid, first, width);
    if (learner.task() == data::Task::kMulticlass) first = to.apply(RowFunction::kSoftmax, first, width);
    mean.first_in.push_back(first);
    mean.weight.push_back(1 / static_cast<double>(n_networks));
  }
  mean.first_out = to.add_numbers("mlp", width);
  const ValueId first = mean.first_out;
  to.add(std::move(mean));
  if (learner.task() != data::Task::kRegression) return first;
  return to.apply(RowFunction::kAffine, first, width,
                  {state.get_double("centre"), state.get_double("scale")});
}

}  // namespace kolosal::infer::exporters
