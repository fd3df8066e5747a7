#include "kolosal/service/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/infer/session.hpp"
#include "kolosal/metric/metric.hpp"
#include "kolosal/service/prediction.hpp"
#include "kolosal/service/preprocessing.hpp"

namespace kolosal::service {
namespace {

/// Targets and predictions of all rows with a target, gathered from batches.
class Gathering {
 public:
  explicit Gathering(const pipeline::Model& model) : model_(model) {
    for (std::size_t i = 0; i < model.classes.size(); ++i) index_[model.classes[i]] = static_cast<double>(i);
  }

  void add(const data::Column& target, const data::Column* weight, const infer::Prediction& prediction) {
    for (std::size_t i = 0; i < target.size(); ++i, ++n_seen_) {
      if (target.is_missing(i)) continue;
      values.push_back(model_.task == data::Task::kRegression ? target.number(i)
                                                              : class_of(target.cell_text(i)));
      if (weight) weights.push_back(checked_weight(weight->number(i)));
      const auto row = prediction.values.begin() + static_cast<std::ptrdiff_t>(i * prediction.n_outputs);
      predicted.insert(predicted.end(), row, row + static_cast<std::ptrdiff_t>(prediction.n_outputs));
    }
  }

  std::size_t n_seen() const { return n_seen_; }
  data::TargetView view() const {
    return {model_.task, values, weights, model_.classes.size(), model_.quantiles};
  }

  std::vector<double> values;
  std::vector<double> weights;
  std::vector<double> predicted;

 private:
  double class_of(const std::string& name) const {
    if (const auto found = index_.find(name); found != index_.end()) return found->second;
    const auto& classes = model_.classes;
    const std::size_t n_shown = std::min<std::size_t>(classes.size(), 10);
    throw Error(ErrorCode::kData,
                "row {}: target column \"{}\" holds \"{}\", a class that the model does not know; its "
                "classes are: {}{}",
                n_seen_ + 1, model_.target, name,
                fmt::join(classes.begin(), classes.begin() + static_cast<std::ptrdiff_t>(n_shown), ", "),
                n_shown < classes.size() ? ", ..." : "");
  }

  double checked_weight(double weight) const {
    if (!(weight >= 0) || std::isinf(weight))
      throw Error(ErrorCode::kData, "row {}: weights must be finite numbers of at least 0, not {}",
                  n_seen_ + 1, weight);
    return weight;
  }

  const pipeline::Model& model_;
  std::unordered_map<std::string, double> index_;
  std::size_t n_seen_ = 0;
};

void check_column(const std::vector<std::string>& present, const std::string& name, const char* what) {
  if (std::ranges::find(present, name) != present.end()) return;
  const std::string near = nearest_name(name, present);
  throw Error(ErrorCode::kData, "{} column \"{}\" is not in the input{}", what, name,
              near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
}

std::vector<const metric::Metric*> chosen_metrics(const std::vector<std::string>& names, data::Task task) {
  if (names.empty()) return metric::metrics_for(task);
  std::vector<const metric::Metric*> out;
  for (const std::string& name : names) out.push_back(&metric::metric_for(name, task));
  return out;
}

/// A model of quantiles has one score, and those of each of them (add_quantile_scores()).
std::vector<const metric::Metric*> metrics_of_quantiles(const EvaluateRequest& request,
                                                        const pipeline::Model& model) {
  const auto& pinball = metric::metric_for("pinball", model.task);
  for (const std::string& name : request.metrics)
    if (metric::metric_for(name, model.task).name != pinball.name)
      throw Error(ErrorCode::kInvalidParameter,
                  "--metric {} scores one number per row, but {} predicts the quantiles {}: use pinball",
                  name, request.model.string(), fmt::join(model.quantiles, ", "));
  if (model.quantiles.size() > 1) return {&pinball};
  return {&metric::metric_for(fmt::format("pinball:{}", model.quantiles.front()), model.task)};
}

/// Of each quantile: its pinball loss, and how far the share of rows at or below it is from what it should
/// be.
void add_quantile_scores(Evaluation& out, const Gathering& all, const std::vector<double>& quantiles) {
  const data::TargetView y = all.view();
  const std::size_t width = quantiles.size();
  for (std::size_t k = 0; k < width; ++k) {
    std::vector<double> predicted(y.values.size());
    double below = 0, total = 0;
    for (std::size_t i = 0; i < predicted.size(); ++i) {
      predicted[i] = all.predicted[i * width + k];
      if (y.values[i] <= predicted[i]) below += y.weight(i);
      total += y.weight(i);
    }
    const auto& pinball = metric::metric_for(fmt::format("pinball:{}", quantiles[k]), y.task);
    if (width > 1)
      out.scores.push_back({pinball.name, pinball.summary, false,
                            pinball.compute({y.task, y.values, y.weights, 0}, predicted)});
    out.scores.push_back(
        {fmt::format("coverage_error:{}", quantiles[k]),
         fmt::format("Share of rows at or below the quantile, less {}, without the sign.", quantiles[k]),
         false, std::fabs(below / total - quantiles[k])});
  }
}

/// `labels` is what metrics of labels are computed of.
void add_scores(Evaluation& out, const std::vector<const metric::Metric*>& metrics, const Gathering& all,
                std::span<const double> labels) {
  for (const metric::Metric* metric : metrics) {
    double value = std::numeric_limits<double>::quiet_NaN();
    try {
      value = metric->compute(all.view(), metric->needs_probability ? all.predicted : labels);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal) throw;
      out.notes.push_back(fmt::format("{}: {}", metric->name, error.what()));
    }
    out.scores.push_back({metric->name, metric->summary, metric->higher_is_better, value});
  }
}

}  // namespace

std::unique_ptr<io::TableStream> open_evaluation_rows(const EvaluateRequest& request,
                                                      const infer::Session& session, const Context& context) {
  const pipeline::Model& model = session.model();
  if (session.is_imported())
    throw Error(
        ErrorCode::kUsage,
        "{} is of another program and does not name the column that it predicts; kolosal predict --keep "
        "COLUMN puts its predictions beside yours",
        request.model.string());
  io::ReadOptions read = request.read;
  read.types.merge(types_for(model.schema));
  // Classes as they stand in the file; a category so that missing tokens count as missing.
  read.types.try_emplace(model.target, model.task == data::Task::kRegression ? "float" : "category");
  if (!request.weight.empty()) read.types[request.weight] = "float";
  read.types_may_be_absent = true;  // the checks below say it better
  auto input = io::open_table_stream(request.data, read, context);
  for (const auto& [name, type] : request.read.types)
    if (name != "*") check_column(input->names(), name, "typed");
  check_column(input->names(), model.target, "target");
  for (const std::string& name : model.schema.names_with(data::Role::kFeature))
    check_column(input->names(), name, "the model's");
  if (!request.weight.empty()) check_column(input->names(), request.weight, "weight");
  return input;
}

Evaluation evaluate_file(const EvaluateRequest& request, const Context& context) {
  const auto session = infer::Session::open(request.model);
  return evaluate_rows(request, session, *open_evaluation_rows(request, session, context), context);
}

Evaluation evaluate_rows(const EvaluateRequest& request, const infer::Session& session, io::TableStream& rows,
                         const Context& context) {
  const pipeline::Model& model = session.model();
  const auto metrics = model.quantiles.empty() ? chosen_metrics(request.metrics, model.task)
                                               : metrics_of_quantiles(request, model);
  Evaluation out;
  Gathering all(model);
  while (const auto batch = rows.next()) {
    if (context.should_stop()) throw Error(ErrorCode::kInterrupted, "stopped after {} rows", all.n_seen());
    data::ConformReport conform;
    const infer::Prediction prediction = session.predict(*batch, context, &conform);
    all.add(batch->column(model.target), request.weight.empty() ? nullptr : &batch->column(request.weight),
            prediction);
    add_report(out.conform, conform);
  }
  out.task = model.task;
  out.target = model.target;
  out.classes = model.classes;
  out.n_rows = all.values.size();
  out.n_without_target = all.n_seen() - out.n_rows;
  if (out.n_rows == 0)
    throw Error(ErrorCode::kData,
                "target column \"{}\" is missing in all {} rows; there is nothing to compare with",
                model.target, all.n_seen());
  std::erase(out.conform.extra_columns, model.target);
  if (const auto* drift = model.base.drift()) out.drift = drift->report();
  out.notes = rows.report().notes;
  const std::vector<double> decided = model.task == data::Task::kBinary || !model.decision_weights.empty()
                                          ? model.decisions(all.predicted)
                                          : std::vector<double>{};
  const std::span<const double> labels = decided.empty() ? all.predicted : decided;
  add_scores(out, metrics, all, labels);
  if (!model.quantiles.empty()) add_quantile_scores(out, all, model.quantiles);
  if (model.task != data::Task::kRegression) out.confusion = metric::confusion_matrix(all.view(), labels);
  return out;
}

nlohmann::json to_json(const Evaluation& evaluation) {
  nlohmann::json out = {{"task", data::task_name(evaluation.task)},
                        {"target", evaluation.target},
                        {"rows", evaluation.n_rows},
                        {"rows_without_target", evaluation.n_without_target},
                        {"unseen_levels", evaluation.conform.unseen_levels},
                        {"unreadable_cells", evaluation.conform.unreadable_cells},
                        {"extra_columns", evaluation.conform.extra_columns},
                        {"drift", to_json(evaluation.drift)},
                        {"notes", evaluation.notes}};
  auto& scores = out["scores"] = nlohmann::json::object();
  for (const MetricScore& score : evaluation.scores)
    scores[score.name] = std::isfinite(score.value) ? nlohmann::json(score.value) : nlohmann::json();
  if (evaluation.classes.empty()) return out;
  out["classes"] = evaluation.classes;
  auto& matrix = out["confusion_matrix"] = nlohmann::json::array();
  const std::size_t n = evaluation.classes.size();
  for (std::size_t i = 0; i < n; ++i)
    matrix.push_back(
        std::vector<double>(evaluation.confusion.begin() + static_cast<std::ptrdiff_t>(i * n),
                            evaluation.confusion.begin() + static_cast<std::ptrdiff_t>((i + 1) * n)));
  return out;
}

}  // namespace kolosal::service
