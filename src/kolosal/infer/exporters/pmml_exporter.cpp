#include "kolosal/infer/exporters/pmml_exporter.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/pmml_expressions.hpp"

namespace kolosal::infer::exporters {
namespace {

using data::ColumnType;
using model::Forest;

std::size_t index(std::int32_t i) { return static_cast<std::size_t>(i); }

class PmmlWriter {
 public:
  explicit PmmlWriter(const ExportedModel& model) : model_(model) {
    for (const ExportedOperation& operation : model.operations) {
      if (std::holds_alternative<RankOperation>(operation))
        throw Error(
            ErrorCode::kUnsupported,
            "can not export: PMML has no form for ranks (step quantile_transform); train without such "
            "views, or use another format");
      const bool is_network = std::holds_alternative<NetworkOperation>(operation);
      if (is_network || std::holds_alternative<NeighboursOperation>(operation))
        throw Error(ErrorCode::kUnsupported,
                    "can not export: PMML is written for trees and linear learners only, not for {0}; "
                    "train without it (--exclude-models {0}), or use another format",
                    is_network ? "mlp" : "knn");
    }
    if (model.n_outputs() > 1 && model.classes.empty())
      throw Error(
          ErrorCode::kUnsupported,
          "can not export: PMML has no form for several quantiles in one model; train a model of each "
          "quantile, or use another format");
    find_inner_values();
  }

  std::string write() {
    xml_.open("PMML", {{"version", "4.4"}, {"xmlns", "http://www.dmg.org/PMML-4_4"}});
    xml_.open("Header");
    xml_.element("Application", {{"name", "kolosal"}});
    xml_.close();
    write_dictionary();
    write_transformations();
    xml_.open("MiningModel", {{"functionName", task_function()}});
    write_mining_schema(all_inputs());
    xml_.open("Segmentation", {{"multipleModelMethod", "modelChain"}});
    for (const ExportedOperation& operation : model_.operations) {
      if (const auto* trees = std::get_if<TreesOperation>(&operation)) write_trees(*trees);
      if (const auto* linear = std::get_if<LinearOperation>(&operation); linear && !is_inner(*linear))
        write_linear(*linear);
    }
    write_last_segment();
    return std::move(xml_).finish();
  }

 private:
  /// Values that something before the last blend reads.
  void find_inner_values() {
    for (const ExportedOperation& operation : model_.operations) {
      if (std::holds_alternative<BlendOperation>(operation) ||
          std::holds_alternative<RowOperation>(operation))
        continue;
      for (const ValueId value : values_read(operation)) inner_.insert(value);
    }
  }

  /// Whether sums are cells for what comes after, and no scores: then they are derived fields, since a model
  /// of the chain gives nothing that a derived field could read.
  bool is_inner(const LinearOperation& o) const {
    const auto first = inner_.lower_bound(o.first_out);
    return first != inner_.end() && *first < o.first_out + o.intercept.size();
  }

  std::string task_function() const { return model_.classes.empty() ? "regression" : "classification"; }
  std::string name(ValueId id) const {
    return id < model_.inputs.size() ? model_.inputs[id].name : fmt::format("kolosal_{}", id);
  }
  /// The field of a level's slot.
  std::string slot(ValueId id) const { return fmt::format("kolosal_slot_{}", id); }

  std::vector<std::string> all_inputs() const {
    std::vector<std::string> out;
    for (const ExportedInput& input : model_.inputs)
      if (input.is_used) out.push_back(input.name);
    return out;
  }

  void write_dictionary() {
    xml_.open("DataDictionary");
    for (std::size_t i = 0; i < model_.inputs.size(); ++i) {
      if (!model_.inputs[i].is_used) continue;
      const bool is_level = model_.values[i].is_level();
      xml_.element("DataField", {{"name", model_.inputs[i].name},
                                 {"optype", is_level ? "categorical" : "continuous"},
                                 {"dataType", is_level ? "string" : "double"}});
    }
    const bool is_class = !model_.classes.empty();
    xml_.open("DataField", {{"name", model_.target},
                            {"optype", is_class ? "categorical" : "continuous"},
                            {"dataType", is_class ? "string" : "double"}});
    for (const std::string& one : model_.classes) xml_.element("Value", {{"value", one}});
    xml_.close();
    xml_.close();
  }

  /// Unknown levels are for the tables to see, not for the reader to refuse.
  void write_mining_schema(const std::vector<std::string>& fields) {
    xml_.open("MiningSchema");
    for (const std::string& field : fields)
      xml_.element("MiningField", {{"name", field}, {"invalidValueTreatment", "asIs"}});
    xml_.element("MiningField", {{"name", model_.target}, {"usageType", "target"}});
    xml_.close();
  }

  void open_field(const std::string& field, const char* type = "double") {
    const bool is_slot = std::string_view(type) == "integer";
    xml_.open("DerivedField",
              {{"name", field}, {"optype", is_slot ? "categorical" : "continuous"}, {"dataType", type}});
  }

  void write_transformations() {
    xml_.open("TransformationDictionary");
    for (std::size_t i = 0; i < model_.inputs.size(); ++i)
      if (model_.inputs[i].is_used && model_.values[i].is_level()) write_input_slots(static_cast<ValueId>(i));
    for (const ExportedOperation& operation : model_.operations) {
      if (const auto* cell = std::get_if<CellOperation>(&operation)) {
        const bool is_float =
            cell->function == CellFunction::kFloat || cell->function == CellFunction::kFloatBounded;
        open_field(name(cell->out), is_float ? "float" : "double");
        pmml_cell(*cell, pmml_field(name(cell->in)), pmml_field(name(cell->in2))).write(xml_);
        xml_.close();
      }
      if (const auto* level = std::get_if<LevelOperation>(&operation)) write_levels(*level);
      if (const auto* linear = std::get_if<LinearOperation>(&operation); linear && is_inner(*linear))
        write_sums(*linear);
    }
    write_tree_fields();
    xml_.close();
  }

  void write_input_slots(ValueId id) {
    open_field(slot(id), "integer");
    xml_.open(
        "MapValues",
        {{"outputColumn", "out"}, {"mapMissingTo", "1"}, {"defaultValue", "0"}, {"dataType", "integer"}});
    xml_.element("FieldColumnPair", {{"field", name(id)}, {"column", "in"}});
    xml_.open("InlineTable");
    const auto& levels = model_.values[id].levels->levels();
    for (std::size_t code = 0; code < levels.size(); ++code)
      write_row({levels[code], fmt::format("{}", code + 2)});
    xml_.close();
    xml_.close();
    xml_.close();
  }

  /// Cells of the columns in (in2), out.
  void write_row(const std::vector<std::string>& cells) {
    xml_.open("row");
    xml_.element("in", {}, cells.front());
    if (cells.size() > 2) xml_.element("in2", {}, cells[1]);
    xml_.element("out", {}, cells.back());
    xml_.close();
  }

  /// A field by the slot (or slots) of levels. cell: what a slot gives; nothing where it is the default.
  template <typename Cell>
  void write_table(const std::string& field, const char* type, const LevelOperation& o,
                   const std::string& otherwise, const Cell& cell) {
    const std::size_t n_second = o.is_pair ? model_.values[o.in2].n_slots() : 1;
    const std::size_t n = model_.values[o.in].n_slots() * n_second;
    open_field(field, type);
    XmlWriter::Attributes attributes = {{"outputColumn", "out"}, {"dataType", type}};
    if (!otherwise.empty()) attributes.emplace_back("defaultValue", otherwise);
    xml_.open("MapValues", attributes);
    xml_.element("FieldColumnPair", {{"field", slot(o.in)}, {"column", "in"}});
    if (o.is_pair) xml_.element("FieldColumnPair", {{"field", slot(o.in2)}, {"column", "in2"}});
    xml_.open("InlineTable");
    for (std::size_t s = 0; s < n; ++s) {
      const std::string given = cell(s);
      if (given.empty()) continue;
      std::vector<std::string> row = {fmt::format("{}", s / n_second)};
      if (o.is_pair) row.push_back(fmt::format("{}", s % n_second));
      row.push_back(given);
      write_row(row);
    }
    xml_.close();
    xml_.close();
    xml_.close();
  }

  void write_levels(const LevelOperation& o) {
    if (o.kind == LevelOperation::Kind::kRecode)
      return write_table(slot(o.first_out), "integer", o, "",
                         [&](std::size_t s) { return fmt::format("{}", o.codes[s] + 2); });
    for (std::uint32_t k = 0; k < o.width; ++k) {
      const bool is_one_hot = o.kind == LevelOperation::Kind::kOneHot;
      write_table(name(o.first_out + k), "double", o, is_one_hot ? "0" : "",
                  [&](std::size_t s) -> std::string {
                    if (is_one_hot) return o.codes[s] == static_cast<std::int32_t>(k) ? "1" : "";
                    const double number = o.numbers[s * o.width + k];
                    return std::isnan(number) ? "" : pmml_literal(number);  // left out: missing
                  });
    }
  }

  /// How trees read a value when that is not the value itself.
  std::string tree_field(ValueId id, const Forest& f, std::size_t node) const {
    if (f.flags[node] & model::kCategorical) return slot(id);
    if (model_.values[id].is_level()) return fmt::format("kolosal_code_{}", id);
    if (f.flags[node] & model::kZeroIsMissing) return fmt::format("kolosal_present_{}", id);
    if (f.round_to_float) return fmt::format("kolosal_float_{}", id);
    return name(id);
  }

  void write_tree_fields() {
    std::set<std::string> made;
    for (const ExportedOperation& operation : model_.operations) {
      const auto* const trees = std::get_if<TreesOperation>(&operation);
      if (!trees) continue;
      const Forest& f = *trees->forest;
      for (std::size_t n = 0; n < f.feature.size(); ++n) {
        const ValueId id = trees->features[index(f.feature[n])];
        const bool is_set = (f.flags[n] & model::kCategorical) != 0;
        if (is_set && !model_.values[id].is_level())
          throw Error(ErrorCode::kUnsupported,
                      "can not export: trees split \"{}\" by sets of levels, but it is a number",
                      model_.values[id].name);
        const std::string field = tree_field(id, f, n);
        if (is_set || field == name(id) || !made.insert(field).second) continue;
        if (model_.values[id].is_level()) {
          write_table(field, "double", {.in = id}, "",
                      [](std::size_t s) -> std::string { return s < 2 ? "" : fmt::format("{}", s - 2); });
          continue;
        }
        const bool drops_zeros = (f.flags[n] & model::kZeroIsMissing) != 0;
        open_field(field, drops_zeros ? "double" : "float");
        const PmmlExpression x = pmml_field(name(id));
        (drops_zeros ? pmml_cell({.function = CellFunction::kZeroAsMissing}, x, x) : x).write(xml_);
        xml_.close();
      }
    }
  }

  void open_segment(const char* element, XmlWriter::Attributes attributes, ValueId out) {
    xml_.open("Segment", {{"id", fmt::format("{}", ++n_segments_)}});
    xml_.element("True");
    attributes.emplace_back("functionName", "regression");
    xml_.open(element, attributes);
    write_mining_schema(all_inputs());
    xml_.open("Output");
    xml_.element("OutputField", {{"name", fmt::format("kolosal_raw_{}", out)},
                                 {"optype", "continuous"},
                                 {"dataType", "double"},
                                 {"feature", "predictedValue"}});
    xml_.close();
    raw_.push_back(out);
  }

  /// One sum of trees per output.
  void write_trees(const TreesOperation& o) {
    const Forest& f = *o.forest;
    const auto divisors = f.divisors();
    for (std::size_t k = 0; k < index(f.n_outputs); ++k) {
      const ValueId out = o.first_out + static_cast<ValueId>(k);
      scale_[out] = 1 / divisors[k];
      offset_[out] = f.base_score[k];
      open_segment("MiningModel", {}, out);
      xml_.open("Segmentation", {{"multipleModelMethod", "sum"}});
      std::size_t n = 0;
      for (std::size_t t = 0; t < f.n_trees(); ++t)
        if (f.leaf_width > 1 || index(f.tree_output[t]) == k) write_tree(o, t, k, ++n);
      if (n == 0) write_constant_tree(++n);
      xml_.close();
      xml_.close();
      xml_.close();
    }
  }

  void open_tree(std::size_t number) {
    xml_.open("Segment", {{"id", fmt::format("{}", number)}});
    xml_.element("True");
    xml_.open("TreeModel", {{"functionName", "regression"},
                            {"missingValueStrategy", "defaultChild"},
                            {"splitCharacteristic", "binarySplit"}});
    write_mining_schema(all_inputs());
  }

  void write_constant_tree(std::size_t number) {
    open_tree(number);
    xml_.open("Node", {{"id", "1"}, {"score", "0"}});
    xml_.element("True");
    xml_.close();
    xml_.close();
    xml_.close();
  }

  void write_tree(const TreesOperation& o, std::size_t t, std::size_t k, std::size_t number) {
    open_tree(number);
    write_node(o, o.forest->tree_root[t], k, -1, true);
    xml_.close();
    xml_.close();
  }

  static std::string node_id(std::int32_t at) {
    return at >= 0 ? fmt::format("n{}", at) : fmt::format("l{}", ~at);
  }

  /// parent: whose left or right child it is; -1: the root.
  void write_node(const TreesOperation& o, std::int32_t at, std::size_t k, std::int32_t parent,
                  bool is_left) {
    const Forest& f = *o.forest;
    if (at < 0) {
      const double leaf = f.leaf_value[index(~at) * index(f.leaf_width) + (f.leaf_width > 1 ? k : 0)];
      xml_.open("Node", {{"id", node_id(at)}, {"score", pmml_literal(leaf)}});
      write_predicate(o, parent, is_left);
      return xml_.close();
    }
    const std::size_t n = index(at);
    xml_.open("Node", {{"id", node_id(at)},
                       {"defaultChild", node_id(missing_goes_left(f, n) ? f.left[n] : f.right[n])}});
    write_predicate(o, parent, is_left);
    write_node(o, f.left[n], k, at, true);
    write_node(o, f.right[n], k, at, false);
    xml_.close();
  }

  static bool missing_goes_left(const Forest& f, std::size_t n) {
    if ((f.flags[n] & model::kNanIsZero) && !(f.flags[n] & (model::kCategorical | model::kZeroIsMissing)))
      return 0 <= f.folded_threshold(n);
    return (f.flags[n] & model::kDefaultLeft) != 0;
  }

  void write_predicate(const TreesOperation& o, std::int32_t parent, bool is_left) {
    if (parent < 0) return xml_.element("True");
    const Forest& f = *o.forest;
    const std::size_t n = index(parent);
    const ValueId id = o.features[index(f.feature[n])];
    if (f.flags[n] & model::kCategorical) {
      std::vector<std::size_t> left;
      for (std::size_t s = 0; s < model_.values[id].n_slots(); ++s)
        if (set_goes_left(f, n, s)) left.push_back(s);
      xml_.open("SimpleSetPredicate",
                {{"field", slot(id)}, {"booleanOperator", is_left ? "isIn" : "isNotIn"}});
      xml_.element("Array", {{"type", "int"}, {"n", fmt::format("{}", left.size())}},
                   fmt::format("{}", fmt::join(left, " ")));
      return xml_.close();
    }
    const double threshold = f.folded_threshold(n);
    if (!std::isfinite(threshold)) {  // what is there goes one way, whatever it is
      const bool present_left = threshold > 0;
      if (present_left == missing_goes_left(f, n))
        return xml_.element(present_left == is_left ? "True" : "False");
      return xml_.element("SimplePredicate",
                          {{"field", tree_field(id, f, n)},
                           {"operator", present_left == is_left ? "isNotMissing" : "isMissing"}});
    }
    xml_.element("SimplePredicate", {{"field", tree_field(id, f, n)},
                                     {"operator", is_left ? "lessOrEqual" : "greaterThan"},
                                     {"value", pmml_literal(threshold)}});
  }

  static bool set_goes_left(const Forest& f, std::size_t n, std::size_t slot) {
    if (slot < 2) return (f.flags[n] & model::kDefaultLeft) != 0;
    const std::size_t code = slot - 2;
    if (code / 32 >= index(f.category_words[n])) return false;
    return ((f.category_bits[index(f.category_offset[n]) + code / 32] >> (code % 32)) & 1U) != 0;
  }

  /// By value, since one may stand in several places.
  static std::map<ValueId, double> coefficients_of(const LinearOperation& o, std::size_t output) {
    std::map<ValueId, double> out;
    for (std::size_t i = 0; i < o.features.size(); ++i)
      out[o.features[i]] += o.coefficient[i * o.intercept.size() + output];
    return out;
  }

  void write_sums(const LinearOperation& o) {
    for (std::size_t k = 0; k < o.intercept.size(); ++k) {
      std::vector<PmmlExpression> parts = {pmml_number(o.intercept[k])};
      for (const auto& [id, coefficient] : coefficients_of(o, k))
        if (coefficient != 0)
          parts.push_back(pmml_apply("*", {pmml_number(coefficient), pmml_field(name(id))}));
      write_expression(o.first_out + static_cast<ValueId>(k), total_of(parts));
    }
  }

  /// By "+", which hands on what is missing ("sum" leaves it out), in a tree that is not deep.
  static PmmlExpression total_of(std::span<const PmmlExpression> parts) {
    if (parts.size() == 1) return parts[0];
    const std::size_t half = parts.size() / 2;
    return pmml_apply("+", {total_of(parts.first(half)), total_of(parts.subspan(half))});
  }

  void write_linear(const LinearOperation& o) {
    const std::size_t width = o.intercept.size();
    for (std::size_t k = 0; k < width; ++k) {
      open_segment("RegressionModel", {}, o.first_out + static_cast<ValueId>(k));
      xml_.open("RegressionTable", {{"intercept", pmml_literal(o.intercept[k])}});
      for (const auto& [id, coefficient] : coefficients_of(o, k))
        xml_.element("NumericPredictor", {{"name", name(id)}, {"coefficient", pmml_literal(coefficient)}});
      xml_.close();
      xml_.close();
      xml_.close();
    }
  }

  /// Blend, calibration and decision.
  void write_last_segment() {
    xml_.open("Segment", {{"id", fmt::format("{}", ++n_segments_)}});
    xml_.element("True");
    const bool is_class = !model_.classes.empty();
    XmlWriter::Attributes attributes = {{"functionName", task_function()}};
    if (is_class) attributes.emplace_back("normalizationMethod", "none");
    xml_.open("RegressionModel", attributes);
    std::vector<std::string> fields;
    for (const ValueId id : raw_) fields.push_back(fmt::format("kolosal_raw_{}", id));
    write_mining_schema(fields);
    if (is_class) write_outputs();
    xml_.open("LocalTransformations");
    for (const ValueId id : raw_) write_sum(id);
    for (const ExportedOperation& operation : model_.operations) {
      if (const auto* blend = std::get_if<BlendOperation>(&operation)) write_blend(*blend);
      if (const auto* row = std::get_if<RowOperation>(&operation)) write_row_function(*row);
    }
    xml_.close();
    if (!is_class) {
      write_result_table("", model_.first_output, 0, 1);
    } else if (model_.task == data::Task::kBinary) {
      write_result_table(model_.classes[0], model_.first_output, 1, -1);
      write_result_table(model_.classes[1], model_.first_output, 0, 1);
    } else {
      for (std::size_t k = 0; k < model_.classes.size(); ++k)
        write_result_table(model_.classes[k], model_.first_output + static_cast<ValueId>(k), 0, 1);
    }
  }

  /// Probabilities by class, and of two classes the decision by the model's threshold.
  void write_outputs() {
    xml_.open("Output");
    for (const std::string& one : model_.classes)
      xml_.element("OutputField", {{"name", fmt::format("probability({})", one)},
                                   {"optype", "continuous"},
                                   {"dataType", "double"},
                                   {"feature", "probability"},
                                   {"value", one}});
    if (model_.task == data::Task::kBinary) {
      xml_.open("OutputField", {{"name", "decision"},
                                {"optype", "categorical"},
                                {"dataType", "string"},
                                {"feature", "transformedValue"}});
      xml_.open("Apply", {{"function", "if"}});
      pmml_apply("greaterThan", {pmml_field(fmt::format("probability({})", model_.classes[1])),
                                 pmml_number(model_.threshold)})
          .write(xml_);
      xml_.element("Constant", {{"dataType", "string"}}, model_.classes[1]);
      xml_.element("Constant", {{"dataType", "string"}}, model_.classes[0]);
      xml_.close();
      xml_.close();
    }
    xml_.close();
  }

  void write_expression(ValueId id, const PmmlExpression& expression) {
    open_field(name(id));
    expression.write(xml_);
    xml_.close();
  }

  void write_sum(ValueId id) {
    const PmmlExpression raw = pmml_field(fmt::format("kolosal_raw_{}", id));
    const auto scale = scale_.find(id);
    if (scale == scale_.end()) return write_expression(id, raw);
    write_expression(id, pmml_apply("+", {pmml_number(offset_.at(id)),
                                          pmml_apply("*", {pmml_number(scale->second), raw})}));
  }

  void write_blend(const BlendOperation& o) {
    for (std::uint32_t k = 0; k < o.width; ++k) {
      std::vector<PmmlExpression> parts;
      for (std::size_t i = 0; i < o.first_in.size(); ++i)
        parts.push_back(pmml_apply("*", {pmml_number(o.weight[i]), pmml_field(name(o.first_in[i] + k))}));
      write_expression(o.first_out + k, parts.size() == 1 ? parts[0] : pmml_apply("sum", parts));
    }
  }

  void write_row_function(const RowOperation& o) {
    std::vector<PmmlExpression> in;
    for (std::uint32_t k = 0; k < o.width; ++k) in.push_back(pmml_field(name(o.first_in + k)));
    const auto derive = [&](std::string_view part, const PmmlExpression& expression) {
      const std::string field = fmt::format("kolosal_{}_{}", o.first_out, part);
      open_field(field);
      expression.write(xml_);
      xml_.close();
      return pmml_field(field);
    };
    const auto out = pmml_row(o, in, derive);
    for (std::uint32_t k = 0; k < o.width; ++k) write_expression(o.first_out + k, out[k]);
  }

  void write_result_table(const std::string& category, ValueId id, double intercept, double coefficient) {
    XmlWriter::Attributes attributes = {{"intercept", pmml_literal(intercept)}};
    if (!category.empty()) attributes.emplace_back("targetCategory", category);
    xml_.open("RegressionTable", attributes);
    xml_.element("NumericPredictor", {{"name", name(id)}, {"coefficient", pmml_literal(coefficient)}});
    xml_.close();
  }

  const ExportedModel& model_;
  XmlWriter xml_;
  std::size_t n_segments_ = 0;
  std::set<ValueId> inner_;
  std::vector<ValueId> raw_;                  // outputs of learners, by segment
  std::map<ValueId, double> scale_, offset_;  // of trees
};

}  // namespace

std::string export_pmml(const ExportedModel& model) { return PmmlWriter(model).write(); }

}  // namespace kolosal::infer::exporters
