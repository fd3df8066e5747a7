#include "kolosal/infer/quantization/quantized_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "kolosal/artifact/packed_arrays.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/half_floats.hpp"
#include "kolosal/infer/quantization/quantized_network.hpp"
#include "kolosal/kernel/masked_distances.hpp"
#include "kolosal/model/whole_points.hpp"

namespace kolosal::infer {
namespace {

using artifact::ElementType;
using artifact::Node;

constexpr const char* kNeighbours = "neighbours";

const std::map<std::string, std::string, std::less<>>& weight_names() {
  static const std::map<std::string, std::string, std::less<>> names = {
      {"leaf_value", "leaf values"},
      {"coefficient", "coefficients"},
      {"parameters", "network weights"},
      {"cells", kNeighbours},
  };
  return names;
}

/// Packs the arrays of one node block.
class Packer {
 public:
  Packer(QuantizedType type, std::vector<QuantizedPart>& parts) : type_(type), parts_(parts) {}

  /// network: what the node holds, where it is a learner of networks; limits: of the layers of each (static).
  Node packed(const Node& node, const model::NetworkLearner* network, std::vector<LayerLimits> limits) {
    network_ = network;
    limits_ = std::move(limits);
    n_networks_ = 0;
    std::vector<artifact::ArrayBytes> arrays;
    nlohmann::json tree = node.to_json(arrays);
    pack(tree, arrays);
    return Node::from_json(tree, arrays);
  }

 private:
  int network_bits() const {
    return network_ == nullptr             ? 0
           : type_ == QuantizedType::kInt8 ? 8
           : type_ == QuantizedType::kInt4 ? 4
                                           : 0;
  }

  void pack(nlohmann::json& pairs, std::vector<artifact::ArrayBytes>& arrays) {
    if (network_ != nullptr) pack_networks(pairs, arrays);
    pack_neighbours(pairs, arrays);
    for (auto& pair : pairs) {
      nlohmann::json& value = pair[1];
      if (!value.is_object()) continue;
      // Steps before the learner stay exact: what they hold under a name of these is something else.
      if (pair[0] == "recipe") continue;
      if (value.contains("$node")) {
        const bool is_done = !value["$node"].empty() && value["$node"][0][0] == artifact::kPackedName;
        if (!is_done) pack(value["$node"], arrays);
      } else if (value.contains("$array") && pair[0].is_string()) {
        if (auto packed = pack_array(pair[0].get<std::string>(), value["$array"], arrays))
          value = {{"$node", packed->to_json(arrays)}};
      }
    }
  }

  /// The weights of a network, if these are its pairs, and how it is to compute with them.
  void pack_networks(nlohmann::json& pairs, std::vector<artifact::ArrayBytes>& arrays) {
    const auto found = std::ranges::find_if(pairs, [](const auto& pair) { return pair[0] == "parameters"; });
    if (found == pairs.end()) return;
    std::erase_if(pairs.get_ref<nlohmann::json::array_t&>(), [](const auto& pair) {
      return pair[0] == model::MlpNetwork::kWeightBits || pair[0] == model::MlpNetwork::kInputLimits;
    });
    const std::size_t index = n_networks_++;
    const auto& network = network_->networks().at(index).network();
    const auto parameters = network.parameters();
    const int bits = network_bits();
    if (bits == 0 || !std::ranges::all_of(parameters, [](float x) { return std::isfinite(x); })) return;
    const PackedNetwork packed = pack_network(parameters, network.matrices(), bits);
    QuantizedPart& all =
        part("network weights", fmt::format("{}, a step per output", quantized_type_name(type_)));
    layers_.add(network.shape());
    all.computed = layers_.text();
    count(all, parameters.size(), 4 * parameters.size(), packed.n_bytes);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const double error = static_cast<double>(parameters[i]) - static_cast<double>(packed.rounded[i]);
      all.squared_error += error * error;
    }
    for (auto& pair : pairs)
      if (pair[0] == "parameters") pair[1] = {{"$node", packed.array.to_json(arrays)}};
    Node how;
    how.set(model::MlpNetwork::kWeightBits, bits);
    how.set_array(model::MlpNetwork::kInputLimits, index < limits_.size() ? limits_[index] : LayerLimits());
    for (auto& pair : how.to_json(arrays)) pairs.push_back(pair);
  }

  /// Stored rows of neighbours with one step for all numbers, if these are the pairs of such rows and they
  /// can be compared in whole numbers of 8 bits.
  void pack_neighbours(nlohmann::json& pairs, std::vector<artifact::ArrayBytes>& arrays) {
    const auto find = [&](std::string_view name) {
      return std::ranges::find_if(pairs, [&](const auto& pair) { return pair[0] == name; });
    };
    if (find("cells") == pairs.end() || find("columns") == pairs.end() || find("centre") == pairs.end())
      return;
    std::erase_if(pairs.get_ref<nlohmann::json::array_t&>(),
                  [](const auto& pair) { return pair[0] == model::WholePoints::kStepName; });
    if (type_ != QuantizedType::kInt8 && type_ != QuantizedType::kInt4) return;
    const auto array_of = [&](const char* name) -> const artifact::ArrayBytes& {
      return arrays[(*find(name))[1]["$array"][0].get<std::size_t>()];
    };
    const std::vector<double> cells = numbers<double>(array_of("cells"));
    const std::size_t n_features = array_of("columns").n_bytes / sizeof(std::uint32_t);
    const std::size_t n_numbers = array_of("centre").n_bytes / sizeof(double);
    if (cells.empty()) return;
    // As it will be read.
    const auto step =
        static_cast<double>(static_cast<float>(model::WholePoints::step_of(cells, n_features, n_numbers)));
    if (!model::WholePoints::fits(cells, n_features, n_numbers, step)) return;
    const model::WholePoints points(cells, cells.size() / n_features, n_features, n_numbers, step);
    (*find("cells"))[1] = {
        {"$node", whole_cells(cells, points.cells(), n_features, n_numbers, step).to_json(arrays)}};
    pairs.push_back({model::WholePoints::kStepName, step});
  }

  Node whole_cells(const std::vector<double>& cells, const std::vector<double>& rounded,
                   std::size_t n_features, std::size_t n_numbers, double step) {
    constexpr std::size_t kBlock = kernel::kMaskedPoints;
    QuantizedPart& all = part(kNeighbours, "int8, one step");
    all.computed = "whole numbers";
    std::vector<float> scale;
    std::vector<std::uint8_t> data;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const double unit = i / kBlock % n_features < n_numbers ? step : 1;
      if (i % kBlock == 0) scale.push_back(static_cast<float>(unit));
      const bool is_missing = std::isnan(cells[i]);
      const double q = is_missing ? double{kernel::kWholeMissing} : std::nearbyint(rounded[i] / unit);
      data.push_back(static_cast<std::uint8_t>(static_cast<std::int8_t>(q)));
      if (!is_missing) all.squared_error += (cells[i] - rounded[i]) * (cells[i] - rounded[i]);
    }
    Node out = begin("steps", ElementType::kFloat64, cells.size());
    out.set("bits", 8);
    out.set("block", kBlock);
    out.set("has_missing", true);
    out.set_array("scale", scale);
    out.set_array("zero", std::vector<std::int32_t>(scale.size(), 0));
    out.set_array("data", data);
    count(all, cells.size(), 8 * cells.size(),
          data.size() + scale.size() * (sizeof(float) + sizeof(std::int32_t)));
    return out;
  }

  /// Nothing: the array stays.
  std::optional<Node> pack_array(const std::string& name, const nlohmann::json& array,
                                 const std::vector<artifact::ArrayBytes>& arrays) {
    const artifact::ArrayBytes& bytes = arrays[array[0].get<std::size_t>()];
    const auto type = static_cast<ElementType>(array[1].get<unsigned>());
    if (const auto weights = weight_names().find(name); weights != weight_names().end()) {
      if (type == ElementType::kFloat64) return pack_weights(weights->second, numbers<double>(bytes), type);
      if (type == ElementType::kFloat32) return pack_weights(weights->second, numbers<float>(bytes), type);
      return std::nullopt;
    }
    if (name == "threshold" && type == ElementType::kFloat64) return pack_thresholds(numbers<double>(bytes));
    if (type != ElementType::kInt32) return std::nullopt;
    if (name == "left" || name == "right") return pack_whole(numbers<std::int32_t>(bytes), true);
    if (name == "feature" || name == "tree_root" || name == "tree_output" || name == "category_offset" ||
        name == "category_words" || name == "split_input")
      return pack_whole(numbers<std::int32_t>(bytes), false);
    return std::nullopt;
  }

  template <typename T>
  static std::vector<double> numbers(const artifact::ArrayBytes& bytes) {
    const auto* first = reinterpret_cast<const T*>(bytes.data);
    std::vector<double> out;
    for (std::size_t i = 0; i < bytes.n_bytes / sizeof(T); ++i) out.push_back(static_cast<double>(first[i]));
    return out;
  }

  static Node begin(const char* how, ElementType type, std::size_t n) {
    Node out;
    out.set(std::string(artifact::kPackedName), how);
    out.set("type", static_cast<std::int64_t>(type));
    out.set("n", n);
    return out;
  }

  QuantizedPart& part(const std::string& name, const std::string& how) {
    const auto found = std::ranges::find(parts_, name, &QuantizedPart::name);
    if (found != parts_.end()) return *found;
    parts_.push_back({.name = name, .how = how});
    return parts_.back();
  }

  void count(QuantizedPart& part, std::size_t n, std::size_t before, std::size_t after) {
    part.n_numbers += n;
    part.bytes_before += before;
    part.bytes_after += after;
  }

  static std::size_t width_of(ElementType type) { return type == ElementType::kFloat64 ? 8 : 4; }

  /// Numbers of 1 or 2 bytes each, all at least 0.
  static std::size_t set_small(Node& out, const std::vector<std::int64_t>& small) {
    const bool is_wide = std::ranges::any_of(small, [](std::int64_t x) { return x > 255; });
    std::vector<std::uint8_t> data;
    for (const std::int64_t x : small) {
      data.push_back(static_cast<std::uint8_t>(x & 0xFF));
      if (is_wide) data.push_back(static_cast<std::uint8_t>(x >> 8));
    }
    out.set_array("data", data);
    return data.size();
  }

  std::optional<Node> pack_whole(const std::vector<double>& values, bool are_children) {
    std::vector<std::int64_t> coded;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto value = static_cast<std::int64_t>(values[i]), place = static_cast<std::int64_t>(i);
      coded.push_back(!are_children ? value : value >= 0 ? 2 * (value - place) : 2 * (~value - place) + 1);
    }
    if (coded.empty()) return std::nullopt;
    const auto [low, high] = std::ranges::minmax_element(coded);
    const std::int64_t base = *low;
    if (*high - base > 65535) return std::nullopt;
    for (std::int64_t& x : coded) x -= base;
    Node out = begin(are_children ? "children" : "narrow", ElementType::kInt32, values.size());
    out.set("base", base);
    count(part("structure of trees", "exact"), values.size(), 4 * values.size(), set_small(out, coded));
    return out;
  }

  std::optional<Node> pack_thresholds(const std::vector<double>& values) {
    std::vector<double> table = values;
    std::ranges::sort(table);
    table.erase(std::unique(table.begin(), table.end()), table.end());
    const bool has_nan = std::ranges::any_of(values, [](double x) { return std::isnan(x); });
    if (values.empty() || has_nan || table.size() > 65536) return std::nullopt;
    std::vector<std::int64_t> places;
    for (const double x : values) places.push_back(std::ranges::lower_bound(table, x) - table.begin());
    Node out = begin("table", ElementType::kFloat64, values.size());
    out.set_array("table", table);
    count(part("thresholds", "table, exact"), values.size(), 8 * values.size(),
          8 * table.size() + set_small(out, places));
    return out;
  }

  std::optional<Node> pack_weights(const std::string& name, const std::vector<double>& values,
                                   ElementType type) {
    if (values.empty()) return std::nullopt;
    std::vector<float> floats;
    bool has_missing = false, has_infinite = false;
    for (const double x : values) {
      floats.push_back(static_cast<float>(x));
      has_missing |= std::isnan(x);
      const float kept =
          type_ == QuantizedType::kFloat16 ? from_float16(to_float16(floats.back())) : floats.back();
      has_infinite |= !std::isnan(x) && !std::isfinite(kept);
    }
    if (has_infinite || (has_missing && name != kNeighbours)) return std::nullopt;
    const bool are_neighbours = name == kNeighbours;
    const std::size_t block = are_neighbours ? kernel::kMaskedPoints : kQuantizedBlock;
    if (are_neighbours && !keeps_codes(floats, block)) return std::nullopt;
    std::size_t after = 0;
    std::vector<double> back;
    const bool as_float = type_ == QuantizedType::kFloat16;
    // The lowest whole number means "missing"; int4 has none to spare.
    const QuantizedType used = are_neighbours && type_ == QuantizedType::kInt4 ? QuantizedType::kInt8 : type_;
    Node out = as_float ? as_halves(floats, type, after, back)
                        : as_steps(floats, type, used, block, are_neighbours, after, back);
    QuantizedPart& all =
        part(name, as_float ? "float16" : fmt::format("{}, a step per {}", quantized_type_name(used), block));
    all.computed = type == ElementType::kFloat32 ? "float32" : "float64";
    count(all, values.size(), values.size() * width_of(type), after);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(values[i])) continue;
      all.squared_error += (values[i] - back[i]) * (values[i] - back[i]);
    }
    return out;
  }

  /// Stored rows of neighbours are blocks of one column each. Codes of categories, which are compared for
  /// equality, must come back as they are: whole numbers that the type holds.
  bool keeps_codes(const std::vector<float>& values, std::size_t block) const {
    const float most = type_ == QuantizedType::kInt16 ? 32767 : type_ == QuantizedType::kFloat16 ? 2048 : 127;
    for (std::size_t begin_at = 0; begin_at < values.size(); begin_at += block) {
      const std::span<const float> some(values.data() + begin_at, std::min(block, values.size() - begin_at));
      if (are_whole(some) && std::ranges::any_of(some, [&](float x) { return std::fabs(x) > most; }))
        return false;
    }
    return true;
  }

  static bool are_whole(std::span<const float> values) {
    return std::ranges::all_of(values, [](float x) { return std::isnan(x) || x == std::floor(x); });
  }

  static Node as_halves(const std::vector<float>& values, ElementType type, std::size_t& after,
                        std::vector<double>& back) {
    Node out = begin("float16", type, values.size());
    std::vector<std::uint8_t> data;
    for (const float x : values) {
      const std::uint16_t bits = to_float16(x);
      data.push_back(static_cast<std::uint8_t>(bits & 0xFF));
      data.push_back(static_cast<std::uint8_t>(bits >> 8));
      back.push_back(static_cast<double>(from_float16(bits)));
    }
    after = data.size();
    out.set_array("data", data);
    return out;
  }

  /// is_symmetric: whole numbers stay, and the lowest number of the type is free to mean "missing".
  static Node as_steps(const std::vector<float>& values, ElementType type, QuantizedType used,
                       std::size_t size, bool is_symmetric, std::size_t& after, std::vector<double>& back) {
    const std::int64_t bits = used == QuantizedType::kInt16 ? 16 : used == QuantizedType::kInt8 ? 8 : 4;
    const Quantizer quantizer({.type = used, .is_symmetric = is_symmetric});
    std::vector<float> scale;
    std::vector<std::int32_t> zero;
    std::vector<std::uint8_t> data((values.size() * static_cast<std::size_t>(bits) + 7) / 8);
    for (std::size_t begin_at = 0; begin_at < values.size(); begin_at += size) {
      const std::size_t n = std::min(size, values.size() - begin_at);
      std::vector<float> block(values.begin() + static_cast<std::ptrdiff_t>(begin_at),
                               values.begin() + static_cast<std::ptrdiff_t>(begin_at + n));
      const std::vector<float> given = block;
      for (float& x : block)
        if (std::isnan(x)) x = 0;
      const std::vector<QuantizationStep> whole = {{1, 0}};
      const QuantizedNumbers numbers =
          is_symmetric && are_whole(block) ? quantizer.quantize(block, whole) : quantizer.quantize(block);
      const auto read = Quantizer::dequantize(numbers);
      scale.push_back(numbers.steps[0].scale);
      zero.push_back(numbers.steps[0].zero_point);
      const std::size_t first_byte = begin_at * static_cast<std::size_t>(bits) / 8;
      for (std::size_t b = 0; b < numbers.data.size(); ++b)
        data[first_byte + b] = static_cast<std::uint8_t>(numbers.data[b]);
      for (std::size_t i = 0; i < n; ++i) {
        back.push_back(static_cast<double>(read[i]));
        if (!std::isnan(given[i])) continue;
        // -2^(bits - 1), little-endian.
        const std::size_t at = first_byte + i * static_cast<std::size_t>(bits) / 8;
        data[at] = bits == 8 ? 0x80 : 0;
        if (bits == 16) data[at + 1] = 0x80;
      }
    }
    Node out = begin("steps", type, values.size());
    out.set("bits", bits);
    out.set("block", size);
    out.set("has_missing", is_symmetric);
    out.set_array("scale", scale);
    out.set_array("zero", zero);
    out.set_array("data", data);
    after = data.size() + scale.size() * (sizeof(float) + sizeof(std::int32_t));
    return out;
  }

  QuantizedType type_;
  std::vector<QuantizedPart>& parts_;
  const model::NetworkLearner* network_ = nullptr;
  std::vector<LayerLimits> limits_;
  std::size_t n_networks_ = 0;
  LayerCount layers_;
};

/// Learners of networks by the name of their block.
std::map<std::string, const model::NetworkLearner*, std::less<>> networks_of(const pipeline::Model& model) {
  std::map<std::string, const model::NetworkLearner*, std::less<>> out;
  for (std::size_t i = 0; i < model.members.size(); ++i)
    for (std::size_t k = 0; k < model.members[i].pipelines.size(); ++k)
      if (const auto* learner =
              dynamic_cast<const model::NetworkLearner*>(&model.members[i].pipelines[k].estimator()))
        out[fmt::format("member/{}/{}", i, k)] = learner;
  return out;
}

/// The limits of each learner of networks, by itself.
std::map<const model::NetworkLearner*, std::vector<LayerLimits>> limits_of(const pipeline::Model& model,
                                                                           const ModelQuantization& options) {
  std::map<const model::NetworkLearner*, std::vector<LayerLimits>> out;
  if (options.calibration == nullptr) return out;
  for (const pipeline::Member& member : model.members)
    for (const pipeline::Pipeline& pipeline : member.pipelines)
      if (const auto* learner = dynamic_cast<const model::NetworkLearner*>(&pipeline.estimator()))
        out[learner] = find_layer_limits(
            *learner, learner_columns(model, member, pipeline, *options.calibration, Context()),
            options.rule);
  return out;
}

}  // namespace

std::vector<std::byte> quantize_model(const artifact::Container& model, const ModelQuantization& options,
                                      std::vector<QuantizedPart>& parts) {
  const QuantizedType type = options.type;
  if (type == QuantizedType::kUint8 || type == QuantizedType::kBfloat16)
    throw Error(ErrorCode::kUnsupported, "model files do not hold {}: use int8, int16, int4 or float16",
                quantized_type_name(type));
  artifact::ContainerWriter writer;
  Packer packer(type, parts);
  const std::optional<pipeline::Model> loaded =
      model.has("model") ? std::optional(pipeline::Model::load(model)) : std::nullopt;
  const auto networks =
      loaded ? networks_of(*loaded) : std::map<std::string, const model::NetworkLearner*, std::less<>>();
  const auto limits = loaded ? limits_of(*loaded, options)
                             : std::map<const model::NetworkLearner*, std::vector<LayerLimits>>();
  for (const artifact::BlockInfo& block : model.blocks()) {
    if (block.type == "json") {
      auto json = model.json(block.name, block.version);
      if (block.name == "manifest") json["quantized"] = quantized_type_name(type);
      writer.add_json(block.name, json, block.version);
    } else if (!block.name.starts_with("member/")) {
      writer.add_node(block.name, model.node(block.name, block.version), block.version);
    } else {
      const auto network = networks.find(block.name);
      const model::NetworkLearner* const learner = network == networks.end() ? nullptr : network->second;
      const auto known = limits.find(learner);
      writer.add_node(block.name,
                      packer.packed(artifact::unpacked_node(model, block.name), learner,
                                    known == limits.end() ? std::vector<LayerLimits>() : known->second),
                      artifact::kPackedVersion);
    }
  }
  return writer.bytes();
}

}  // namespace kolosal::infer
