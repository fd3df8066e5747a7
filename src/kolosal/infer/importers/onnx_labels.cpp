#include "kolosal/infer/importers/onnx_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <utility>

#include "kolosal/infer/importers/imported_model.hpp"
#include "kolosal/infer/importers/onnx_native.hpp"

namespace kolosal::infer {
namespace {

/// Constants are initializers, or outputs of nodes.
const OnnxTensor* constant(const OnnxModel& model, const std::string& name) {
  if (const auto found = model.constants.find(name); found != model.constants.end()) return &found->second;
  for (const OnnxNode& node : model.nodes) {
    if (node.op != "Constant" || node.outputs.empty() || node.outputs.front() != name) continue;
    const OnnxAttribute* const value = node.find("value");
    return value != nullptr && value->tensor ? &*value->tensor : nullptr;
  }
  return nullptr;
}

const OnnxNode* maker_of(const OnnxModel& model, const std::string& tensor) {
  const auto makes = [&](const OnnxNode& node) {
    return std::ranges::find(node.outputs, tensor) != node.outputs.end();
  };
  const auto found = std::ranges::find_if(model.nodes, makes);
  return found == model.nodes.end() ? nullptr : &*found;
}

bool is_one_of(const OnnxNode& node, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, node.op) != names.end();
}

/// The input that a node picks labels by, or passes on; none: it decides itself.
const std::string* source_of(const OnnxModel& model, const OnnxNode& node) {
  if (is_one_of(node, {"Gather", "ArrayFeatureExtractor"}) && node.inputs.size() > 1 &&
      constant(model, node.inputs[0]) != nullptr)
    return &node.inputs[1];
  const bool passes_on =
      is_one_of(node, {"Cast", "Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Where"});
  return passes_on && !node.inputs.empty() ? &node.inputs[0] : nullptr;
}

/// The nodes from the output of labels back to the one that decides. Empty where there are no labels.
std::vector<const OnnxNode*> way_of_labels(const OnnxModel& model) {
  std::vector<const OnnxNode*> out;
  const auto is_label = [](const OnnxValue& value) {
    return value.is_tensor && (value.type == OnnxType::kText || value.type == OnnxType::kInt64);
  };
  const auto label = std::ranges::find_if(model.outputs, is_label);
  if (label == model.outputs.end()) return out;
  const std::string* name = &label->name;
  while (name != nullptr && out.size() <= model.nodes.size()) {  // a damaged graph may go round
    const OnnxNode* const node = maker_of(model, *name);
    if (node == nullptr) break;
    out.push_back(node);
    name = source_of(model, *node);
  }
  return out;
}

/// The limit that a comparison has; NaN when it has none. At or above a limit is above the number before it.
double limit_of(const OnnxModel& model, const OnnxNode& node) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (node.inputs.size() != 2) return kNone;
  const bool is_greater = is_one_of(node, {"Greater", "GreaterOrEqual"});
  if (!is_greater && !is_one_of(node, {"Less", "LessOrEqual"})) return kNone;
  const OnnxTensor* const limit = constant(model, node.inputs[is_greater ? 1 : 0]);
  if (limit == nullptr || limit->numbers.size() != 1) return kNone;
  const double value = limit->numbers.front();
  return is_one_of(node, {"Greater", "Less"})
             ? value
             : std::nextafter(value, -std::numeric_limits<double>::infinity());
}

/// The weights that scores are multiplied by before the largest is taken; empty when they are not.
std::vector<double> weights_of(const OnnxModel& model, const OnnxNode& node, std::size_t n_classes) {
  if (node.op != "ArgMax" || node.inputs.empty()) return {};
  const OnnxNode* const product = maker_of(model, node.inputs.front());
  if (product == nullptr || product->op != "Mul") return {};
  for (const std::string& input : product->inputs) {
    const OnnxTensor* const factors = constant(model, input);
    if (factors == nullptr || factors->numbers.size() != n_classes) continue;
    const auto is_weight = [](double w) { return w > 0 && std::isfinite(w); };
    if (std::ranges::all_of(factors->numbers, is_weight)) return factors->numbers;
  }
  return {};
}

std::vector<std::string> names_in(const OnnxTensor& list) {
  if (!list.texts.empty()) return list.texts;
  std::vector<std::string> out;
  for (const double number : list.numbers) out.push_back(fmt::format("{:.0f}", number));
  return out;
}

/// A map is in the order of its keys.
std::vector<std::string> in_order_of_keys(const OnnxNode& zip_map, std::vector<std::string> labels) {
  if (zip_map.texts("classlabels_strings").empty())
    std::ranges::sort(labels, {}, [](const std::string& s) { return std::stoll(s); });
  else
    std::ranges::sort(labels);
  return labels;
}

}  // namespace

LabelRule label_rule(const OnnxModel& model, std::size_t n_classes) {
  LabelRule out;
  const auto way = way_of_labels(model);
  if (way.empty()) return out;
  if (n_classes > 2) {
    out.weights = weights_of(model, *way.back(), n_classes);
  } else if (const double limit = limit_of(model, *way.back()); limit >= 0 && limit <= 1) {
    out.threshold = limit;
  }
  return out;
}

std::vector<std::string> classes_of(const OnnxModel& model, std::size_t n_classes) {
  std::vector<std::string> named;
  for (const OnnxNode& node : model.nodes) {
    std::vector<std::string> labels = class_labels(node);
    if (labels.size() != n_classes) continue;
    if (node.op == "ZipMap") return in_order_of_keys(node, std::move(labels));
    named = std::move(labels);
  }
  for (const OnnxNode* const node : way_of_labels(model)) {
    if (!is_one_of(*node, {"Gather", "ArrayFeatureExtractor"}) || node->inputs.empty()) continue;
    const OnnxTensor* const list = constant(model, node->inputs.front());
    if (list == nullptr) continue;
    if (std::vector<std::string> names = names_in(*list); names.size() == n_classes) return names;
  }
  return named.empty() ? numbered_classes(n_classes) : named;
}

bool ends_in_softmax(const OnnxModel& model) {
  std::string name = model.outputs.front().name;
  for (auto node = model.nodes.rbegin(); node != model.nodes.rend(); ++node) {
    if (std::ranges::find(node->outputs, name) == node->outputs.end()) continue;
    if (node->op == "Softmax") return true;
    if (!is_one_of(*node, {"Identity", "Cast", "Reshape"}) || node->inputs.empty()) return false;
    name = node->inputs.front();
  }
  return false;
}

}  // namespace kolosal::infer
