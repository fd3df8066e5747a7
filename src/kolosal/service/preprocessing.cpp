#include "kolosal/service/preprocessing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/automl/problem.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/service/output_place.hpp"
#include "kolosal/service/prediction.hpp"
#include "kolosal/service/recipe_input.hpp"

namespace kolosal::service {
namespace {

using data::Column;
using data::ColumnType;
using data::Frame;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

/// The target in every row of the table, as the steps that use it see it.
struct FitTarget {
  data::Task task = data::Task::kRegression;
  std::size_t n_classes = 0;
  std::vector<double> values;       // NaN where missing
  std::vector<std::uint32_t> rows;  // that have one
};

FitTarget read_target(const Column& column, const std::string& name, const std::string& task) {
  // Beside a column of nothing, since a problem without features is none.
  const Frame pair({name, name + "_"}, {column, Column::from_bool(std::vector<std::uint8_t>(column.size()))});
  const automl::Problem problem = automl::make_problem(pair, {.target = name, .task = task});
  FitTarget out{problem.task, problem.classes.size(), {}, {}};
  out.values.assign(column.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0, k = 0; i < column.size(); ++i) {
    if (column.is_missing(i)) continue;
    out.values[i] = problem.target[k++];
    out.rows.push_back(static_cast<std::uint32_t>(i));
  }
  return out;
}

/// Sparse columns as one float column per feature: files have no other form for them.
Frame without_sparse(const Frame& x) {
  Frame out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    if (x.column(c).type() != ColumnType::kSparse) {
      out.add(x.name(c), x.column(c));
      continue;
    }
    const data::SparseView cells = x.column(c).sparse();
    const auto width = static_cast<std::size_t>(cells.width);
    std::vector<std::vector<float>> dense(width, std::vector<float>(x.n_rows()));
    for (std::size_t row = 0; row < x.n_rows(); ++row)
      for (auto k = static_cast<std::size_t>(cells.offsets[row]);
           k < static_cast<std::size_t>(cells.offsets[row + 1]); ++k)
        dense[static_cast<std::size_t>(cells.indices[k])][row] = cells.values[k];
    for (std::size_t i = 0; i < width; ++i)
      out.add(fmt::format("{}_{}", x.name(c), i), Column::from_float32(std::move(dense[i])));
  }
  return out;
}

/// Ignored columns, what the steps made, the target. A made column that is called like one that passes gets
/// '_' at its end.
Frame assemble(const Frame& passing, const std::string& target, const Frame& made) {
  std::vector<std::string> names;
  std::vector<Column> columns;
  for (std::size_t c = 0; c < passing.n_columns(); ++c) {
    if (passing.name(c) == target) continue;
    names.push_back(passing.name(c));
    columns.push_back(passing.column(c));
  }
  const Frame features = without_sparse(made);
  for (std::size_t c = 0; c < features.n_columns(); ++c) {
    std::string name = features.name(c);
    while (contains(names, name) || name == target || passing.find(name)) name += '_';
    names.push_back(std::move(name));
    columns.push_back(features.column(c));
  }
  if (const auto at = passing.find(target)) {
    names.push_back(target);
    columns.push_back(passing.column(*at));
  }
  return {std::move(names), std::move(columns)};
}

class Preprocessor {
 public:
  Preprocessor(const PreprocessRequest& request, const Context& context)
      : request_(request), context_(context) {}

  PreprocessReport run() {
    if (!request_.save_recipe.empty()) check_output_place(request_.save_recipe, "the recipe");
    if (!request_.output.empty() && request_.output != "-") check_output_place(request_.output, "the table");
    if (!request_.recipe.empty() && is_container(request_.recipe)) {
      fitted_ = FittedRecipe::open(request_.recipe);
      apply();
    } else {
      fitted_.plan = request_.recipe.empty() ? request_.plan : read_plan(request_.recipe);
      fit();
    }
    report_.plan = fitted_.plan;
    for (std::size_t i = 0; i < fitted_.plan.steps.size(); ++i) {
      const auto* step = fitted_.recipe.fitted_step(i);
      report_.steps.push_back({fitted_.plan.steps[i].spec.name, fitted_.plan.steps[i].reason,
                               step ? step->input_columns() : std::vector<std::string>()});
    }
    if (!request_.save_recipe.empty()) save_recipe(fitted_, request_.save_recipe);
    return std::move(report_);
  }

 private:
  // ---- fitting --------------------------------------------------------------------------------------------

  void fit() {
    report_.fitted = true;
    take_roles();
    io::ReadReport read;
    const Frame table = io::read_table(request_.data, request_.read, context_, &read);
    report_.notes = read.notes;
    set_schema(table);
    const Frame features = table.select(fitted_.schema.names_with(data::Role::kFeature));
    const bool is_planned = request_.recipe.empty() && fitted_.plan.steps.empty();
    const FitTarget target = target_of(table, is_planned);
    const data::TargetView y{target.task, target.values, {}, target.n_classes};
    if (is_planned) make_plan(features, target.rows, y);
    fitted_.recipe = transform::Recipe(fitted_.plan.specs());
    fitted_.recipe.max_features(request_.max_features);
    const Frame made = fitted_.recipe.fit_transform(features, target.rows, y, context_);
    fitted_.n_rows = report_.n_rows = table.n_rows();
    const Frame out = assemble(passing_columns(table), fitted_.plan.target, made);
    report_.columns = out.names();
    if (request_.output.empty()) return;
    const auto writer = io::make_table_writer(request_.output, request_.write, context_);
    writer->write(out);
    writer->close();
  }

  void make_plan(const Frame& features, std::span<const std::uint32_t> rows, const data::TargetView& y) {
    const transform::PlannerOptions options{request_.learner, request_.max_features};
    transform::RecipePlan made = transform::plan_recipe(features, rows, y, options, context_);
    fitted_.plan.steps = std::move(made.steps);
    fitted_.plan.notes = std::move(made.notes);
  }

  /// Read where a step or the planner wants it; else there are only rows, all of them.
  FitTarget target_of(const Frame& table, bool is_planned) {
    const std::string& name = fitted_.plan.target;
    const bool is_used = transform::Recipe(fitted_.plan.specs()).uses_target();
    if (is_used && name.empty())
      throw Error(ErrorCode::kUsage, "a step of the recipe learns from the target; give --target COLUMN");
    if (is_used || (is_planned && !name.empty())) {
      FitTarget out = read_target(table.column(name), name, request_.task);
      if (out.rows.size() < table.n_rows())
        report_.notes.push_back(fmt::format("{} of {} rows have no target; nothing is learned from them",
                                            table.n_rows() - out.rows.size(), table.n_rows()));
      return out;
    }
    FitTarget out;
    out.rows.resize(table.n_rows());
    std::iota(out.rows.begin(), out.rows.end(), 0U);
    return out;
  }

  /// Target and ignored columns: what the recipe says, and what the caller says beside it.
  void take_roles() {
    auto& plan = fitted_.plan;
    if (plan.target.empty()) plan.target = request_.target;
    if (!request_.target.empty() && request_.target != plan.target)
      throw Error(ErrorCode::kUsage, "the recipe {} is for the target \"{}\", not \"{}\"",
                  request_.recipe.string(), plan.target, request_.target);
    for (const std::string& name : request_.ignore)
      if (!contains(plan.ignore, name)) plan.ignore.push_back(name);
    for (const auto& step : plan.steps)
      for (const std::string& name : step.spec.select.names) {
        if (name == plan.target)
          throw Error(ErrorCode::kInvalidParameter,
                      "step {} names the target \"{}\"; a target is never transformed", step.spec.name, name);
        if (contains(plan.ignore, name))
          throw Error(ErrorCode::kInvalidParameter,
                      "step {} names \"{}\", which is to be ignored; take it out of one of the two",
                      step.spec.name, name);
      }
  }

  void set_schema(const Frame& table) {
    const auto& plan = fitted_.plan;
    if (!plan.target.empty()) table.column(plan.target);  // throws, naming the nearest
    for (const std::string& name : plan.ignore) table.column(name);
    fitted_.schema = data::Schema::of(table);
    std::size_t n_features = 0;
    for (data::Field& field : fitted_.schema.fields()) {
      if (field.name == plan.target)
        field.role = data::Role::kTarget;
      else if (contains(plan.ignore, field.name))
        field.role = data::Role::kIgnored;
      else
        ++n_features;
    }
    if (n_features == 0)
      throw Error(ErrorCode::kData, "the table has no column beside the target and the ignored ones");
  }

  /// Typing changes how some cells look (yes becomes true, 1.50 becomes 1.5). A CSV file gets them as they
  /// were.
  bool keeps_looks() const { return io::output_format(request_.output, request_.write) == "csv"; }

  Frame passing_columns(const Frame& table) {
    std::vector<std::string> names, changed;
    for (const data::Field& field : fitted_.schema.fields()) {
      if (field.role == data::Role::kFeature) continue;
      names.push_back(field.name);
      const bool looks_as_before = field.type == ColumnType::kInt64 || field.type == ColumnType::kCategory ||
                                   field.type == ColumnType::kText;
      if (!looks_as_before && !request_.read.types.contains(field.name)) changed.push_back(field.name);
    }
    const Frame typed = table.select(names);
    if (changed.empty() || request_.output.empty() || !keeps_looks() || request_.data == "-") return typed;
    io::ReadOptions options = request_.read;
    options.columns = changed;
    for (const std::string& name : changed) options.types[name] = "category";
    options.types_may_be_absent = true;
    const Frame looks = io::read_table(request_.data, options, context_);
    if (looks.n_rows() != typed.n_rows())
      throw Error(ErrorCode::kData, "{} has changed while it was read", request_.data.string());
    Frame out;
    for (const std::string& name : names)
      out.add(name, looks.find(name) ? looks.column(name) : typed.column(name));
    return out;
  }

  // ---- applying -------------------------------------------------------------------------------------------

  void apply() {
    const auto& plan = fitted_.plan;
    if (!request_.target.empty() && request_.target != plan.target)
      throw Error(ErrorCode::kUsage, "the recipe {} was fitted with {}, not with the target \"{}\"",
                  request_.recipe.string(),
                  plan.target.empty() ? "no target" : fmt::format("the target \"{}\"", plan.target),
                  request_.target);
    RecipeInput input(fitted_, request_.data, request_.read, keeps_looks(), context_);
    std::unique_ptr<io::TableWriter> writer;
    if (!request_.output.empty()) writer = io::make_table_writer(request_.output, request_.write, context_);
    while (auto batch = input.next()) {
      if (context_.should_stop())
        throw Error(ErrorCode::kInterrupted, "stopped after {} rows; nothing was written", report_.n_rows);
      const Frame made = fitted_.recipe.transform(batch->features, context_);
      const Frame out = assemble(batch->passing, plan.target, made);
      report_.columns = out.names();
      report_.n_rows += out.n_rows();
      if (writer) writer->write(out);
    }
    if (writer) writer->close();
    report_.notes = input.notes();
    report_.conform = input.conform();
    report_.drift = input.drift();
  }

  const PreprocessRequest& request_;
  const Context& context_;
  FittedRecipe fitted_;
  PreprocessReport report_;
};

}  // namespace

PreprocessReport preprocess_file(const PreprocessRequest& request, const Context& context) {
  return Preprocessor(request, context).run();
}

nlohmann::json to_json(const PreprocessReport& report) {
  nlohmann::json out = {{"fitted", report.fitted},
                        {"rows", report.n_rows},
                        {"columns", report.columns},
                        {"unseen_levels", report.conform.unseen_levels},
                        {"rounded_cells", report.conform.rounded_cells},
                        {"extra_columns", report.conform.extra_columns},
                        {"notes", report.notes}};
  if (!report.plan.target.empty()) out["target"] = report.plan.target;
  auto& steps = out["steps"] = nlohmann::json::array();
  for (const StepReport& step : report.steps)
    steps.push_back({{"step", step.step}, {"columns", step.columns}, {"reason", step.reason}});
  auto& drift = out["drift"] = nlohmann::json::object();
  for (const auto& [name, column] : report.drift)
    drift[name] = {
        {"below", column.n_below},
        {"above", column.n_above},
        {"missing_share",
         report.n_rows ? static_cast<double>(column.n_missing) / static_cast<double>(report.n_rows) : 0},
        {"fitted_missing_share", column.fitted_missing_share}};
  return out;
}

}  // namespace kolosal::service
