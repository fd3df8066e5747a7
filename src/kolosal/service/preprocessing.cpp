#include "kolosal/service/preprocessing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/memory.hpp"
#include "kolosal/service/batch_pipeline.hpp"
#include "kolosal/service/output_place.hpp"
#include "kolosal/service/recipe_input.hpp"
#include "kolosal/service/table_scan.hpp"

namespace kolosal::service {
namespace {

using data::Column;
using data::ColumnType;
using data::Frame;

/// What is there beside the table: code, libraries, buffers of the reader and the writer.
constexpr std::size_t kBaseBytes = 64UL << 20;
/// The file's pages, its columns, and what is made of them.
constexpr std::size_t kCopiesOfTable = 3;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

/// The target in every row of the table, as the steps that use it see it.
struct FitTarget {
  data::Task task = data::Task::kRegression;
  std::size_t n_classes = 0;
  std::vector<double> values;       // NaN where missing
  std::vector<std::uint32_t> rows;  // that have one

  data::TargetView view() const { return {task, values, {}, n_classes}; }
};

FitTarget all_rows(std::size_t n_rows) {
  FitTarget out;
  out.rows.resize(n_rows);
  std::iota(out.rows.begin(), out.rows.end(), 0U);
  return out;
}

FitTarget read_target(const Column& column, const std::string& name, const std::string& task) {
  const automl::Problem problem = target_problem(column, name, task);
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

/// The rows that a recipe is fitted on: those with a target, when one is used.
class FitBatches final : public transform::BatchStream {
 public:
  /// target: null when none is used; else the input passes the column `name`.
  FitBatches(std::unique_ptr<RecipeInput> input, const StreamedTarget* target, std::string name)
      : input_(std::move(input)), target_(target), name_(std::move(name)) {}

  std::optional<transform::Batch> next() override {
    auto batch = input_->next();
    if (!batch) return {};
    if (!target_) return transform::Batch{std::move(batch->features), {}};
    auto y = std::make_shared<std::vector<double>>(target_->values(batch->passing.column(name_)));
    std::vector<std::uint32_t> rows;
    for (std::uint32_t row = 0; row < y->size(); ++row)
      if (!std::isnan((*y)[row])) rows.push_back(row);
    const bool all = rows.size() == y->size();
    std::erase_if(*y, [](double value) { return std::isnan(value); });
    return transform::Batch{all ? std::move(batch->features) : batch->features.take(rows),
                            {target_->task(), *y, {}, target_->n_classes()},
                            y};
  }

 private:
  std::unique_ptr<RecipeInput> input_;
  const StreamedTarget* target_;
  std::string name_;
};

/// Batches cut into pieces whose columns, before and after the recipe, take few bytes beside the memory
/// limit. How many rows those are is found by a try on the first rows, so that the cuts are the same in every
/// run.
class RecipeBatches {
 public:
  RecipeBatches(RecipeInput& input, const FittedRecipe& fitted, const Context& context)
      : input_(input), fitted_(fitted), context_(context) {}

  std::optional<RecipeInput::Batch> next() {
    if (at_ >= batch_.features.n_rows()) {
      auto batch = input_.next();
      if (!batch) return {};
      batch_ = std::move(*batch);
      at_ = 0;
    }
    if (piece_rows_ == 0) piece_rows_ = rows_within(context_.memory_limit_bytes / 32);
    const std::size_t n = std::min(piece_rows_, batch_.features.n_rows() - at_);
    RecipeInput::Batch out{batch_.features.slice(at_, n), batch_.passing.slice(at_, n)};
    at_ += n;
    return out;
  }

 private:
  std::size_t rows_within(std::size_t n_bytes) const {
    constexpr std::size_t kTryRows = 1'024;
    const Frame head = batch_.features.slice(0, std::min(kTryRows, batch_.features.n_rows()));
    if (head.n_rows() == 0) return kTryRows;
    const Frame made = without_sparse(fitted_.recipe.transform(head, context_));
    if (const auto* drift = fitted_.recipe.drift()) drift->forget_counts();  // these rows come again
    const std::size_t row_bytes = (head.n_bytes() + made.n_bytes()) / head.n_rows() + 1;
    return std::max<std::size_t>(256, n_bytes / row_bytes);
  }

  RecipeInput& input_;
  const FittedRecipe& fitted_;
  const Context& context_;
  RecipeInput::Batch batch_;
  std::size_t at_ = 0;
  std::size_t piece_rows_ = 0;
};

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
    is_planned_ = request_.recipe.empty() && fitted_.plan.steps.empty();
    needed_bytes_ = kBaseBytes + kCopiesOfTable * estimated_table_bytes(request_.data);
    if (request_.data != "-" && needed_bytes_ > context_.memory_limit_bytes)
      fit_in_batches();
    else
      fit_in_memory();
  }

  void fit_in_memory() {
    io::ReadReport read;
    const Frame table = io::read_table(request_.data, request_.read, context_, &read);
    report_.notes = read.notes;
    set_schema(data::Schema::of(table));
    const Frame features = table.select(fitted_.schema.names_with(data::Role::kFeature));
    const FitTarget target = target_of(table);
    if (is_planned_) make_plan(features, target.rows, target.view(), false);
    make_recipe();
    const Frame made = fitted_.recipe.fit_transform(features, target.rows, target.view(), context_);
    fitted_.n_rows = report_.n_rows = table.n_rows();
    const Frame out = assemble(passing_columns(table), fitted_.plan.target, made);
    report_.columns = out.names();
    if (request_.output.empty()) return;
    const auto writer = io::make_table_writer(request_.output, request_.write, context_);
    writer->write(out);
    writer->close();
  }

  void make_recipe() {
    fitted_.recipe = transform::Recipe(fitted_.plan.specs());
    fitted_.recipe.max_features(request_.max_features);
    fitted_.recipe.watch_drift(true);
  }

  // ---- fitting what does not fit in memory
  // ------------------------------------------------------------------

  /// One pass for types, ranges, levels and the target, the passes of fit_stream(), and one that writes.
  void fit_in_batches() {
    const TableScan scan =
        scan_table(request_.data, with_batch_bytes(request_.read), fitted_.plan.target, context_);
    report_.notes = scan.notes;
    report_.notes.push_back(fmt::format(
        "the table needs about {} in memory, more than the limit of {}: it is read batch by batch",
        format_bytes(needed_bytes_), format_bytes(context_.memory_limit_bytes)));
    set_schema(scan.schema);
    fitted_.n_rows = scan.n_rows;
    // Encodings by the target are not for rows that are fitted in batches.
    if (is_planned_) plan_in_batches(request_.output.empty() ? streamed_target(scan) : std::nullopt);
    make_recipe();
    if (fitted_.recipe.uses_target() && !request_.output.empty())
      throw Error(
          ErrorCode::kMemory,
          "the table needs about {} in memory, more than the limit of {}, and a step of the recipe learns "
          "from the target: the rows that it learns from get encodings without their own target only when "
          "all are in memory. Raise --memory-limit, or leave out --output: the recipe is then fitted and "
          "saved, to be applied to other rows",
          format_bytes(needed_bytes_), format_bytes(context_.memory_limit_bytes));
    const auto target = streamed_target(scan);
    try {
      fitted_.recipe.fit_stream([&] { return open_rows(target); }, context_);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnsupported) throw;
      throw Error(ErrorCode::kMemory, "the table needs about {} in memory, more than the limit of {}, and {}",
                  format_bytes(needed_bytes_), format_bytes(context_.memory_limit_bytes), error.what());
    }
    report_.n_rows = scan.n_rows;
    if (request_.output.empty()) return;
    report_.n_rows = 0;
    RecipeInput input(fitted_, request_.data, with_batch_bytes(request_.read), keeps_looks(), context_);
    write_batches(input);
  }

  std::unique_ptr<FitBatches> open_rows(const std::optional<StreamedTarget>& target) const {
    const std::string& name = fitted_.plan.target;
    io::ReadOptions read = with_batch_bytes(request_.read);
    read.columns = fitted_.schema.names_with(data::Role::kFeature);
    if (target) {
      const ColumnType type = fitted_.schema.find(name)->type;
      read.columns.push_back(name);
      read.types.try_emplace(name, data::type_name(type == ColumnType::kText ? ColumnType::kCategory : type));
    }
    return std::make_unique<FitBatches>(
        std::make_unique<RecipeInput>(fitted_, request_.data, std::move(read), false, context_),
        target ? &*target : nullptr, name);
  }

  /// The planner looks at the first rows, as many as fit in an eighth of the memory.
  void plan_in_batches(const std::optional<StreamedTarget>& target) {
    std::vector<Frame> parts;
    std::vector<double> values;
    std::size_t n_bytes = 0;
    const auto input = open_rows(target);
    while (n_bytes < context_.memory_limit_bytes / 8) {
      auto batch = input->next();
      if (!batch) break;
      n_bytes += batch->x.n_bytes();
      parts.push_back(std::move(batch->x));
      values.insert(values.end(), batch->y.values.begin(), batch->y.values.end());
    }
    const Frame head = data::concatenate(parts);
    data::TargetView y;
    if (target) y = {target->task(), values, {}, target->n_classes()};
    make_plan(head, all_rows(head.n_rows()).rows, y, true);
  }

  /// Few enough bytes of the file at a time that several batches, and what is made of them, are within the
  /// limit.
  io::ReadOptions with_batch_bytes(io::ReadOptions read) const {
    read.batch_bytes = std::clamp<std::size_t>(context_.memory_limit_bytes / 64, 256 << 10, read.batch_bytes);
    return read;
  }

  void make_plan(const Frame& features, std::span<const std::uint32_t> rows, const data::TargetView& y,
                 bool in_batches) {
    const transform::PlannerOptions options{request_.learner, request_.max_features, in_batches};
    transform::RecipePlan made = transform::plan_recipe(features, rows, y, options, context_);
    fitted_.plan.steps = std::move(made.steps);
    fitted_.plan.notes = std::move(made.notes);
  }

  /// Whether a step, or the planner, looks at the target.
  bool wants_target() const {
    const std::string& name = fitted_.plan.target;
    const bool is_used = transform::Recipe(fitted_.plan.specs()).uses_target();
    if (is_used && name.empty())
      throw Error(ErrorCode::kUsage, "a step of the recipe learns from the target; give --target COLUMN");
    return is_used || (is_planned_ && !name.empty());
  }

  /// Read where it is wanted; else there are only rows, all of them.
  FitTarget target_of(const Frame& table) {
    const std::string& name = fitted_.plan.target;
    if (!wants_target()) return all_rows(table.n_rows());
    FitTarget out = read_target(table.column(name), name, request_.task);
    note_missing_targets(table.n_rows() - out.rows.size(), table.n_rows());
    return out;
  }

  /// Absent where it is not wanted: all rows are fitted.
  std::optional<StreamedTarget> streamed_target(const TableScan& scan) {
    if (!wants_target()) return {};
    note_missing_targets(scan.target->n_missing(), scan.n_rows);
    return scan.target->decide(request_.task);
  }

  void note_missing_targets(std::size_t n_missing, std::size_t n_rows) {
    if (n_missing > 0)
      add_note(fmt::format("{} of {} rows have no target; nothing is learned from them", n_missing, n_rows));
  }

  void add_note(std::string text) {
    if (!contains(report_.notes, text)) report_.notes.push_back(std::move(text));
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

  void set_schema(data::Schema schema) {
    const auto& plan = fitted_.plan;
    fitted_.schema = std::move(schema);
    Frame header;
    for (const data::Field& field : fitted_.schema.fields()) header.add(field.name, Column());
    if (!plan.target.empty()) named_column(header, plan.target, "target", request_.data);
    for (const std::string& name : plan.ignore) named_column(header, name, "ignore", request_.data);
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
    RecipeInput input(fitted_, request_.data, with_batch_bytes(request_.read), keeps_looks(), context_);
    write_batches(input);
    report_.notes = input.notes();
    report_.conform = input.conform();
    if (const auto* drift = fitted_.recipe.drift()) report_.drift = drift->report();
  }

  /// The rows of the input through the fitted recipe, into the output.
  void write_batches(RecipeInput& input) {
    std::unique_ptr<io::TableWriter> writer;
    if (!request_.output.empty()) writer = io::make_table_writer(request_.output, request_.write, context_);
    RecipeBatches pieces(input, fitted_, context_);
    BatchPipeline<RecipeInput::Batch, Frame> pipeline;
    pipeline.read = [&] {
      if (context_.should_stop())
        throw Error(ErrorCode::kInterrupted, "stopped after {} rows; nothing was written", report_.n_rows);
      return pieces.next();
    };
    pipeline.work = [&](const RecipeInput::Batch& batch) {
      return assemble(batch.passing, fitted_.plan.target, fitted_.recipe.transform(batch.features, context_));
    };
    pipeline.write = [&](const Frame& out) {
      report_.columns = out.names();
      report_.n_rows += out.n_rows();
      if (writer) writer->write(out);
    };
    pipeline.run(context_);
    if (writer) writer->close();
  }

  const PreprocessRequest& request_;
  const Context& context_;
  FittedRecipe fitted_;
  PreprocessReport report_;
  bool is_planned_ = false;
  std::size_t needed_bytes_ = 0;
};

}  // namespace

PreprocessReport preprocess_file(const PreprocessRequest& request, const Context& context) {
  return Preprocessor(request, context).run();
}

nlohmann::json to_json(const transform::DriftReport& drift) {
  auto out = nlohmann::json::object();
  for (const auto& column : drift.columns)
    out[column.column] = {{"rows", column.n_rows},
                          {"out_of_range", column.n_out_of_range},
                          {"unseen", column.n_unseen},
                          {"missing_share", column.missing_share()},
                          {"fitted_missing_share", column.fitted_missing_share}};
  return out;
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
  out["drift"] = to_json(report.drift);
  return out;
}

}  // namespace kolosal::service
