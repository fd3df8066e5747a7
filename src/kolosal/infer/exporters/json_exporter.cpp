#include "kolosal/infer/exporters/json_exporter.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/infer/exporters/operation_names.hpp"

namespace kolosal::infer::exporters {
namespace {

using Json = nlohmann::ordered_json;

Json number(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  return x;
}

template <typename T>
Json numbers(std::span<const T> values) {
  Json out = Json::array();
  for (const T x : values) out.push_back(number(static_cast<double>(x)));
  return out;
}
template <typename T>
Json numbers(const std::vector<T>& values) {
  return numbers(std::span<const T>(values));
}

struct Describe {
  Json operator()(const CellOperation& o) const {
    Json out = {{"operation", function_name(o.function)}};
    const bool is_constant = o.function == CellFunction::kConstant;
    const bool is_pair = is_of_two(o.function);
    if (!is_constant) out["in"] = is_pair ? Json::array({o.in, o.in2}) : Json::array({o.in});
    out["out"] = Json::array({o.out});
    switch (o.function) {
      case CellFunction::kScale:
        out["centre"] = number(o.a);
        out["scale"] = number(o.b);
        if (o.c > 0) out["clip"] = number(o.c);
        break;
      case CellFunction::kClip:
        out["low"] = number(o.a);
        out["high"] = number(o.b);
        break;
      case CellFunction::kRamp:
        out["start"] = number(o.a);
        out["width"] = number(o.b);
        break;
      case CellFunction::kConstant:
      case CellFunction::kFill:
      case CellFunction::kFillNan:
        out["value"] = number(o.a);
        break;
      case CellFunction::kAbove:
        out["limit"] = number(o.a);
        break;
      case CellFunction::kQuotient:
        out["divisor"] = number(o.a);
        break;
      case CellFunction::kSine:
      case CellFunction::kCosine:
        out["frequency"] = number(o.a);
        break;
      case CellFunction::kYeoJohnson:
      case CellFunction::kBoxCox:
        out["power"] = number(o.a);
        break;
      default:
        break;
    }
    return out;
  }

  Json operator()(const LevelOperation& o) const {
    using Kind = LevelOperation::Kind;
    Json out = {{"operation", o.kind == Kind::kRecode    ? "recode_levels"
                              : o.kind == Kind::kNumbers ? "numbers_of_levels"
                                                         : "one_hot"},
                {"in", o.is_pair ? Json::array({o.in, o.in2}) : Json::array({o.in})},
                {"out", range(o.first_out, o.width)}};
    if (o.kind == Kind::kNumbers)
      out["table"] = numbers(o.numbers);
    else
      out["table"] = o.codes;
    return out;
  }

  Json operator()(const RankOperation& o) const {
    return {{"operation", "rank"},         {"in", Json::array({o.in})}, {"out", Json::array({o.out})},
            {"points", numbers(o.points)}, {"at", numbers(o.at)},       {"start", numbers(o.start)},
            {"slope", numbers(o.slope)},   {"margin", number(o.margin)}};
  }

  Json operator()(const TreesOperation& o) const {
    const model::Forest& f = *o.forest;
    Json out = {{"operation", "trees"},
                {"in", o.features},
                {"out", range(o.first_out, static_cast<std::uint32_t>(f.n_outputs))},
                {"base_score", numbers(f.base_score)},
                {"average", f.average},
                {"comparison", f.strict_less ? "<" : "<="},
                {"rounds_to_float32", f.round_to_float},
                {"values_per_leaf", f.leaf_width},
                {"root", f.tree_root},
                {"output", f.tree_output},
                {"feature", f.feature},
                {"threshold", numbers(f.threshold)},
                {"left", f.left},
                {"right", f.right},
                {"flags", f.flags}};
    if (!f.category_bits.empty()) {
      out["category_offset"] = f.category_offset;
      out["category_words"] = f.category_words;
      out["category_bits"] = f.category_bits;
    }
    out["leaf_value"] = numbers(f.leaf_value);
    return out;
  }

  Json operator()(const LinearOperation& o) const {
    return {{"operation", "linear"},
            {"in", o.features},
            {"out", range(o.first_out, static_cast<std::uint32_t>(o.intercept.size()))},
            {"intercept", numbers(o.intercept)},
            {"coefficient", numbers(o.coefficient)}};
  }

  Json operator()(const NetworkOperation& o) const {
    Json layers = Json::array();
    for (const auto& layer : o.layers) {
      Json one = {{"inputs", layer.n_in}, {"outputs", layer.n_out}};
      if (!layer.factor.empty()) {
        one["activation"] = "silu";
        one["normalizes"] = layer.normalizes;
        one["factor"] = numbers(layer.factor);
      }
      one["shift"] = numbers(layer.shift);
      one["weights"] = numbers(layer.weights);
      layers.push_back(std::move(one));
    }
    return {{"operation", "network"},
            {"in", o.features},
            {"out", range(o.first_out, static_cast<std::uint32_t>(o.layers.back().n_out))},
            {"layers", std::move(layers)}};
  }

  Json operator()(const NeighboursOperation& o) const {
    return {{"operation", "neighbours"},
            {"in", o.numbers},
            {"levels", o.levels},
            {"out", range(o.first_out, static_cast<std::uint32_t>(o.width()))},
            {"points", o.n_points},
            {"k", o.k},
            {"by_distance", o.by_distance},
            {"cells", numbers(o.cells)},
            {"codes", o.codes},
            {"votes", numbers(o.votes)},
            {"otherwise", numbers(o.otherwise)}};
  }

  Json operator()(const BlendOperation& o) const {
    Json in = Json::array();
    for (const ValueId first : o.first_in) in.push_back(range(first, o.width));
    return {{"operation", "blend"},
            {"in", std::move(in)},
            {"out", range(o.first_out, o.width)},
            {"weights", numbers(o.weight)}};
  }

  Json operator()(const RowOperation& o) const {
    Json out = {{"operation", fmt::format("row_{}", function_name(o.function))},
                {"in", range(o.first_in, o.width)},
                {"out", range(o.first_out, o.width)}};
    if (!o.parameters.empty()) out["parameters"] = numbers(o.parameters);
    return out;
  }

  static Json range(ValueId first, std::uint32_t n) {
    Json out = Json::array();
    for (std::uint32_t i = 0; i < n; ++i) out.push_back(first + i);
    return out;
  }
};

/// One operation, input or value a line: long enough to read, short enough to search.
std::string lines_of(const Json& list) {
  std::string out = "[";
  for (std::size_t i = 0; i < list.size(); ++i)
    out += (i == 0 ? "\n    " : ",\n    ") + list[i].dump(-1, ' ', false, Json::error_handler_t::replace);
  return out + "\n  ]";
}

std::string text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string export_json(const ExportedModel& model) {
  Json inputs = Json::array(), values = Json::array(), operations = Json::array();
  for (std::size_t i = 0; i < model.inputs.size(); ++i) {
    const ExportedInput& input = model.inputs[i];
    inputs.push_back({{"name", input.name},
                      {"value", i},
                      {"type", data::type_name(input.type)},
                      {"is_used", input.is_used}});
  }
  for (std::size_t i = 0; i < model.values.size(); ++i) {
    Json value = {{"name", model.values[i].name}};
    if (model.values[i].is_level()) value["levels"] = model.values[i].levels->levels();
    values.push_back(std::move(value));
  }
  for (const ExportedOperation& operation : model.operations)
    operations.push_back(std::visit(Describe(), operation));
  std::string out = "{\n";
  const auto add = [&](std::string_view name, const std::string& value, bool is_last = false) {
    out += fmt::format("  \"{}\": {}{}\n", name, value, is_last ? "" : ",");
  };
  add("format", "\"kolosal-model-json\"");
  add("version", fmt::format("{}", kJsonExportVersion));
  add("task", text(data::task_name(model.task)));
  add("target", text(model.target));
  add("classes", text(model.classes));
  add("quantiles", text(numbers(model.quantiles)));
  add("threshold", text(number(model.threshold)));
  add("decision_weights", text(numbers(model.decision_weights)));
  add("inputs", lines_of(inputs));
  add("values", lines_of(values));
  add("operations", lines_of(operations));
  add("prediction", text(Describe::range(model.first_output, static_cast<std::uint32_t>(model.n_outputs()))),
      true);
  return out + "}\n";
}

}  // namespace kolosal::infer::exporters
