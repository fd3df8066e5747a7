#include "kolosal/infer/exporters/model_describer.hpp"

#include <algorithm>
#include <set>

#include "kolosal/core/error.hpp"

namespace kolosal::infer::exporters {
namespace {

using data::ColumnType;

bool is_number(ColumnType type) {
  return type == ColumnType::kBool || type == ColumnType::kInt64 || type == ColumnType::kFloat64 ||
         type == ColumnType::kFloat32;
}

RowFunction calibration_function(model::CalibrationKind kind) {
  switch (kind) {
    case model::CalibrationKind::kTemperature:
      return RowFunction::kTemperature;
    case model::CalibrationKind::kPlatt:
      return RowFunction::kPlatt;
    case model::CalibrationKind::kBeta:
      return RowFunction::kBeta;
    case model::CalibrationKind::kIsotonic:
      return RowFunction::kIsotonic;
    case model::CalibrationKind::kPlattPerClass:
      return RowFunction::kPlattPerClass;
    case model::CalibrationKind::kNone:
      break;
  }
  KOLOSAL_ASSERT(false, "the caller asks for no function of no calibration");
}

}  // namespace

ValueId ModelDescriber::add_value(ExportedValue value) {
  out_.values.push_back(std::move(value));
  return static_cast<ValueId>(out_.values.size() - 1);
}

ValueId ModelDescriber::add_numbers(std::string name, std::size_t n) {
  const auto first = static_cast<ValueId>(out_.values.size());
  for (std::size_t i = 0; i < n; ++i) add_number(n == 1 ? name : fmt::format("{}[{}]", name, i));
  return first;
}

ValueId ModelDescriber::apply(CellFunction function, ValueId in, double a, double b, double c) {
  const ValueId out = add_number(value(in).name);
  add(CellOperation{function, in, 0, out, a, b, c});
  return out;
}

ValueId ModelDescriber::combine(CellFunction function, ValueId in, ValueId in2, std::string name) {
  const ValueId out = add_number(std::move(name));
  add(CellOperation{function, in, in2, out});
  return out;
}

ValueId ModelDescriber::constant(double number) {
  const auto [found, is_new] = constants_.try_emplace(number, 0);
  if (is_new) {
    found->second = add_number(fmt::format("{}", number));
    add(CellOperation{CellFunction::kConstant, 0, 0, found->second, number});
  }
  return found->second;
}

ValueId ModelDescriber::apply(RowFunction function, ValueId first_in, std::size_t width,
                              std::vector<double> parameters) {
  const ValueId first = add_numbers(value(first_in).name, width);
  add(RowOperation{function, first_in, first, static_cast<std::uint32_t>(width), std::move(parameters)});
  return first;
}

ModelDescriber::ModelDescriber(const pipeline::Model& model) {
  out_.task = model.task;
  out_.target = model.target;
  out_.classes = model.classes;
  out_.quantiles = model.quantiles;
  out_.threshold = model.threshold;
  out_.decision_weights = model.decision_weights;
  const DescribedTable base = append(model.base, take_inputs(model.schema));
  std::map<std::string, DescribedTable> views;
  BlendOperation blend;
  blend.width = static_cast<std::uint32_t>(model.n_outputs());
  for (const pipeline::Member& member : model.members) {
    const auto [view, is_new] = views.try_emplace(member.view);
    if (is_new) view->second = append(model.views.at(member.view), base);
    for (const pipeline::Pipeline& pipeline : member.pipelines) {
      blend.first_in.push_back(add_voice(pipeline, view->second));
      blend.weight.push_back(member.weight / static_cast<double>(member.pipelines.size()));
    }
  }
  blend.first_out = add_numbers("blend", model.n_outputs());
  const ValueId blended = blend.first_out;
  add(std::move(blend));
  add_finish(model, blended);
}

DescribedTable ModelDescriber::take_inputs(const data::Schema& schema) {
  std::vector<data::Field> fields;
  for (const data::Field& field : schema.fields())
    if (field.role == data::Role::kFeature) fields.push_back(field);
  DescribedTable out;
  out.header = data::Schema(fields).empty_frame();
  for (const data::Field& field : fields) {
    out_.inputs.push_back({field.name, field.type, false});
    const ValueId id = add_value({field.name, field.dictionary});
    const bool has_value =
        is_number(field.type) || is_moment(field.type) || field.type == ColumnType::kCategory;
    out.columns.push_back({field.name, has_value ? std::vector<ValueId>{id} : std::vector<ValueId>()});
  }
  // Cells as Schema::conform() reads them.
  for (std::size_t c = 0; c < fields.size(); ++c) {
    if (fields[c].type == ColumnType::kInt64)
      out.columns[c].values = {apply(CellFunction::kWhole, out.columns[c].values[0])};
    if (fields[c].type == ColumnType::kFloat32)
      out.columns[c].values = {apply(CellFunction::kFloat, out.columns[c].values[0])};
  }
  return out;
}

DescribedTable ModelDescriber::append(const transform::Recipe& recipe, DescribedTable table) {
  for (std::size_t i = 0; i < recipe.steps().size(); ++i)
    if (const transform::Transformer* const step = recipe.fitted_step(i)) table = append_step(*step, table);
  return table;
}

DescribedTable ModelDescriber::append_step(const transform::Transformer& step, const DescribedTable& table) {
  DescribedTable inputs, out;
  for (const std::string& name : step.input_columns()) {
    const std::size_t c = table.header.find(name).value();
    inputs.header.add(name, table.header.column(c));
    inputs.columns.push_back(table.columns[c]);
  }
  out.header = step.transform(table.header, Context());
  const std::set<std::string> taken(step.input_columns().begin(), step.input_columns().end());
  for (const DescribedColumn& column : table.columns)
    if (step.keeps_inputs() || !taken.contains(column.name)) out.columns.push_back(column);
  const std::size_t n_passing = out.columns.size();
  data::Frame made;
  for (std::size_t c = n_passing; c < out.header.n_columns(); ++c)
    made.add(out.header.name(c), out.header.column(c));
  // A step that leaves no column at all: the frame gets one of zeros.
  if (n_passing == 0 && made.n_columns() == 1 && made.name(0) == "no_feature") {
    out.columns.push_back({"no_feature", {constant(0)}});
    return out;
  }
  for (DescribedColumn& column : describe_step(*this, step, inputs, made))
    out.columns.push_back(std::move(column));
  KOLOSAL_ASSERT(out.columns.size() == out.header.n_columns(), "a step is described with all that it makes");
  for (std::size_t c = n_passing; c < out.columns.size(); ++c) out.columns[c].name = out.header.name(c);
  return out;
}

ValueId ModelDescriber::add_voice(const pipeline::Pipeline& pipeline, const DescribedTable& view) {
  const DescribedTable made = append(pipeline.recipe(), view);
  DescribedTable features;
  for (const std::string& name : pipeline.estimator().feature_names()) {
    const std::size_t c = made.header.find(name).value();
    features.header.add(name, made.header.column(c));
    features.columns.push_back(made.columns[c]);
    const ColumnType type = made.header.column(c).type();
    if ((made.columns[c].values.empty() && type != ColumnType::kSparse) || is_moment(type))
      throw Error(ErrorCode::kUnsupported,
                  "can not export: {} reads column \"{}\" of type {}, which exported models can not hold; "
                  "train without it (--ignore {}), or use the model by kolosal.h",
                  pipeline.estimator_name(), name, data::type_name(made.header.column(c).type()), name);
  }
  const ValueId first = describe_learner(*this, pipeline, features);
  const auto factors = pipeline.class_factors();
  if (factors.empty()) return first;
  return apply(RowFunction::kClassFactors, first, pipeline.estimator().n_outputs(),
               {factors.begin(), factors.end()});
}

void ModelDescriber::add_finish(const pipeline::Model& model, ValueId blended) {
  const std::size_t width = model.n_outputs();
  ValueId at = blended;
  if (model.task != data::Task::kRegression) {
    const model::Calibrator& calibrator = model.calibrator;
    if (calibrator.kind != model::CalibrationKind::kNone) {
      auto parameters = calibrator.parameters;
      parameters.insert(parameters.end(), calibrator.knots.begin(), calibrator.knots.end());
      parameters.insert(parameters.end(), calibrator.heights.begin(), calibrator.heights.end());
      at = apply(calibration_function(calibrator.kind), at, width, std::move(parameters));
    }
  } else {
    at = apply(RowFunction::kClip, at, width, {model.target_low, model.target_high});
    if (model.is_log_target) at = apply(RowFunction::kExpm1, at, width);
    if (model.quantiles.size() > 1) at = apply(RowFunction::kSort, at, width);
  }
  out_.first_output = at;
}

}  // namespace kolosal::infer::exporters
