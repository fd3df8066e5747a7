#include "kolosal/infer/exporters/onnx_values.hpp"

#include <limits>

#include "kolosal/core/error.hpp"

namespace kolosal::infer::exporters {

OnnxValues::OnnxValues(const ExportedModel& model, OnnxGraph& graph)
    : model_(model), graph_(graph), places_(model.values.size()) {
  for (std::size_t i = 0; i < model.inputs.size(); ++i) {
    const ExportedInput& input = model.inputs[i];
    if (!input.is_used) continue;
    const auto id = static_cast<ValueId>(i);
    if (any_input_.empty()) any_input_ = input.name;
    if (!model.values[i].is_level()) {
      graph.add_input(input.name, OnnxType::kDouble, 1);
      set(id, input.name);
      continue;
    }
    graph.add_input(input.name, OnnxType::kString, 1);
    std::vector<std::string> names = model.values[i].levels->levels();
    std::vector<std::int64_t> slots;
    for (std::size_t code = 0; code < names.size(); ++code)
      slots.push_back(static_cast<std::int64_t>(code) + 2);
    if (model.values[i].levels->find("") < 0) {
      names.emplace_back();
      slots.push_back(1);
    }
    set(id, graph.ml_node("LabelEncoder", {input.name},
                          {{"keys_strings", std::move(names)},
                           {"values_int64s", std::move(slots)},
                           {"default_int64", std::int64_t{0}}}));
  }
  if (any_input_.empty())
    throw Error(
        ErrorCode::kUnsupported,
        "can not export: the model predicts the same for every row, and an ONNX model needs an input");
}

void OnnxValues::set_range(ValueId first, std::size_t n, std::string tensor) {
  for (std::size_t i = 0; i < n; ++i)
    places_[first + i] = {tensor, static_cast<std::int64_t>(i), static_cast<std::int64_t>(n)};
}

OnnxValues::Place OnnxValues::number_place(ValueId id) {
  if (!model_.values[id].is_level()) return places_[id];
  auto [found, is_new] = codes_.try_emplace(id);
  if (is_new) {
    std::vector<double> codes(model_.values[id].n_slots());
    for (std::size_t s = 0; s < codes.size(); ++s)
      codes[s] = s < 2 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(s) - 2;
    const auto n = static_cast<std::int64_t>(codes.size());
    found->second = graph_.node("Gather", {graph_.constant({{n}, std::move(codes)}), slots(id)});
  }
  return {found->second, 0, 1};
}

std::string OnnxValues::range(ValueId first, std::size_t n) {
  std::vector<ValueId> ids(n);
  for (std::size_t i = 0; i < n; ++i) ids[i] = first + static_cast<ValueId>(i);
  return columns(ids);
}

std::string OnnxValues::columns(const std::vector<ValueId>& ids) {
  if (const auto found = made_.find(ids); found != made_.end()) return found->second;
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < ids.size();) {
    const Place first = number_place(ids[i]);
    std::vector<std::int64_t> picked;
    bool is_whole = true;  // all columns in their order
    for (; i < ids.size(); ++i) {
      const Place place = number_place(ids[i]);
      // After a whole tensor the next run begins, also of the same one.
      if (place.tensor != first.tensor ||
          (is_whole && static_cast<std::int64_t>(picked.size()) == first.width))
        break;
      is_whole &= place.column == static_cast<std::int64_t>(picked.size());
      picked.push_back(place.column);
    }
    if (is_whole && static_cast<std::int64_t>(picked.size()) == first.width) {
      parts.push_back(first.tensor);
      continue;
    }
    const auto n = static_cast<std::int64_t>(picked.size());
    parts.push_back(graph_.node("Gather", {first.tensor, graph_.constant({{n}, std::move(picked)})},
                                {{"axis", std::int64_t{1}}}));
  }
  const std::string out =
      parts.size() == 1 ? parts[0] : graph_.node("Concat", parts, {{"axis", std::int64_t{1}}});
  made_[ids] = out;
  return out;
}

std::string OnnxMath::cut(const std::string& x, const std::string& low, const std::string& high) {
  return where(g_.node("Less", {x, low}), low, where(g_.node("Greater", {x, high}), high, x));
}

std::string OnnxMath::sigmoid(const std::string& x) {
  return div(row({1}), add(row({1}), g_.node("Exp", {g_.node("Neg", {x})})));
}

std::string OnnxMath::cut_probability(const std::string& p) {
  constexpr double kTiny = 1e-15;  // as model::Calibrator
  return cut(p, row({kTiny}), row({1 - kTiny}));
}

std::string OnnxMath::logit(const std::string& p) {
  const std::string q = cut_probability(p);
  return g_.node("Log", {div(q, sub(row({1}), q))});
}

std::string OnnxMath::sum(const std::string& x) {
  return g_.node("ReduceSum", {x, g_.constant({{1}, std::vector<std::int64_t>{1}})},
                 {{"keepdims", std::int64_t{1}}});
}

}  // namespace kolosal::infer::exporters
