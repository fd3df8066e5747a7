#include "kolosal/service/prediction.hpp"

#include <algorithm>
#include <tuple>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"

namespace kolosal::service {
namespace {

using data::ColumnType;

std::string forced_type(ColumnType type) {
  switch (type) {
    case ColumnType::kInt64:
    case ColumnType::kFloat32:
    case ColumnType::kFloat64:
      return "float";
    case ColumnType::kBool:
      return "bool";
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return "timestamp";
    default:
      return "category";
  }
}

void check_columns(const std::vector<std::string>& present, const std::vector<std::string>& wanted,
                   const char* what) {
  for (const std::string& name : wanted) {
    if (std::ranges::find(present, name) != present.end()) continue;
    const std::string near = nearest_name(name, present);
    throw Error(ErrorCode::kData, "{} column \"{}\" is not in the input{}", what, name,
                near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
  }
}

void add_counts(std::map<std::string, std::size_t>& sum, const std::map<std::string, std::size_t>& part) {
  for (const auto& [name, count] : part) sum[name] += count;
}

void add_probabilities(data::Frame& result, const infer::Session& session,
                       const infer::Prediction& prediction) {
  const auto probabilities = session.probabilities(prediction);
  const auto& classes = session.model().classes;
  const std::size_t n_rows = prediction.labels.size();
  for (std::size_t k = 0; k < classes.size(); ++k) {
    std::vector<double> values(n_rows);
    for (std::size_t i = 0; i < n_rows; ++i) values[i] = probabilities[i * classes.size() + k];
    result.add("proba_" + classes[k], data::Column::from_float64(std::move(values)));
  }
}

void add_quantiles(data::Frame& result, const pipeline::Model& model, std::span<const double> prediction) {
  const std::size_t width = model.n_outputs();
  for (std::size_t k = 0; k < width; ++k) {
    std::vector<double> values(prediction.size() / width);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = prediction[i * width + k];
    result.add(fmt::format("q{}", model.quantiles[k]), data::Column::from_float64(std::move(values)));
  }
}

void add_interval(data::Frame& result, const pipeline::Model& model, std::span<const double> prediction,
                  double score) {
  const std::size_t width = model.n_outputs(), n_rows = prediction.size() / width;
  if (model.task == data::Task::kRegression) {
    std::vector<double> lower(n_rows), upper(n_rows);
    for (std::size_t i = 0; i < n_rows; ++i)
      std::tie(lower[i], upper[i]) = model.interval(prediction[i], score);
    result.add("lower", data::Column::from_float64(std::move(lower)));
    result.add("upper", data::Column::from_float64(std::move(upper)));
    return;
  }
  std::vector<std::optional<std::string>> sets(n_rows);
  for (std::size_t i = 0; i < n_rows; ++i)
    sets[i] = pipeline::joined_set(model.classes,
                                   pipeline::conformal_set(prediction.subspan(i * width, width), score));
  result.add("set", data::Column::from_texts(sets));
}

void check_request(const PredictRequest& request, const pipeline::Model& model) {
  if (request.proba && model.task == data::Task::kRegression)
    throw Error(ErrorCode::kUsage, "--proba needs a classification model; {} predicts numbers",
                request.model.string());
  if (request.interval && !model.quantiles.empty())
    throw Error(
        ErrorCode::kUsage,
        "--interval {} is for models of one value; {} predicts the quantiles {}, of which the outer two are "
        "an interval: drop --interval",
        *request.interval, request.model.string(), fmt::join(model.quantiles, ", "));
  if (request.interval && model.conformal.is_empty())
    throw Error(ErrorCode::kUsage,
                "--interval needs the errors on validation rows, which {} does not hold; train it again",
                request.model.string());
  if (!request.threshold) return;
  if (model.task != data::Task::kBinary)
    throw Error(ErrorCode::kUsage, "--threshold is for models of two classes; {} predicts {}",
                request.model.string(),
                model.task == data::Task::kRegression ? std::string("numbers")
                                                      : fmt::format("{} classes", model.classes.size()));
  if (!(*request.threshold >= 0 && *request.threshold <= 1))
    throw Error(ErrorCode::kInvalidParameter, "--threshold must be between 0 and 1, not {}",
                *request.threshold);
}

/// What the user forced, then the types of the model. Kept columns come out as they went in: those that the
/// model does not use are text, and its numbers are typed by inference, so that 48 does not become 48.0.
std::map<std::string, std::string> types_to_force(const infer::Session& session,
                                                  const PredictRequest& request) {
  std::map<std::string, std::string> out = types_for(session.model().schema);
  // All columns of such a model are of one type, and may have any name.
  if (session.is_by_position() && !out.empty()) out = {{"*", out.begin()->second}};
  for (const std::string& name : request.keep) {
    const auto at = out.find(name);
    if (at == out.end())
      out[name] = "text";
    else if (at->second != "category")
      out.erase(at);
  }
  // Files of other programs call flags numbers; cells of the table tell them apart.
  if (session.is_imported() && !session.is_by_position())
    std::erase_if(out, [](const auto& column) { return column.second == "float"; });
  for (const auto& [name, type] : request.read.types) out[name] = type;
  return out;
}

/// Where columns are taken by position, a table that has more of them than the model has an id or a target
/// that is kept.
bool leaves_kept_out(const infer::Session& session, const std::vector<std::string>& names) {
  const auto wanted = session.model().schema.names_with(data::Role::kFeature);
  const bool by_name = std::ranges::all_of(
      wanted, [&](const std::string& name) { return std::ranges::find(names, name) != names.end(); });
  return !by_name && names.size() > wanted.size();
}

std::vector<std::string> names_without(std::vector<std::string> names,
                                       const std::vector<std::string>& without) {
  std::erase_if(names,
                [&](const std::string& name) { return std::ranges::find(without, name) != without.end(); });
  return names;
}

/// Bytes of the file per batch, of which prepared columns and predictions take up to some twenty times as
/// many.
std::size_t batch_bytes_within(std::size_t memory_limit_bytes, std::size_t wanted) {
  constexpr std::size_t kShare = 40, kLeast = 256 << 10;
  return memory_limit_bytes == 0 ? wanted : std::min(wanted, std::max(kLeast, memory_limit_bytes / kShare));
}

}  // namespace

std::map<std::string, std::string> types_for(const data::Schema& schema) {
  std::map<std::string, std::string> out;
  for (const data::Field& field : schema.fields())
    if (field.role == data::Role::kFeature) out[field.name] = forced_type(field.type);
  return out;
}

void add_report(data::ConformReport& sum, const data::ConformReport& batch) {
  add_counts(sum.unseen_levels, batch.unseen_levels);
  add_counts(sum.unreadable_cells, batch.unreadable_cells);
  add_counts(sum.rounded_cells, batch.rounded_cells);
  sum.extra_columns = batch.extra_columns;
}

PredictReport predict_file(const PredictRequest& request, const Context& context) {
  const auto session = infer::Session::open(request.model);
  const pipeline::Model& model = session.model();
  check_request(request, model);
  const std::optional<double> score =
      request.interval ? std::optional(model.conformal.score_at(*request.interval)) : std::nullopt;

  io::ReadOptions read = request.read;
  read.types = types_to_force(session, request);
  read.types_may_be_absent = true;  // check_columns() says it better
  read.batch_bytes = batch_bytes_within(context.memory_limit_bytes, read.batch_bytes);
  const auto input = io::open_table_stream(request.data, read, context);
  for (const auto& [name, type] : request.read.types)
    if (name != "*") check_columns(input->names(), {name}, "typed");
  check_columns(input->names(), request.keep, "kept");
  const bool leaves_out_kept = session.is_by_position() && leaves_kept_out(session, input->names());
  if (!session.is_by_position())
    check_columns(input->names(), model.schema.names_with(data::Role::kFeature), "the model's");
  else
    session.check_positions(leaves_out_kept ? names_without(input->names(), request.keep) : input->names());

  PredictReport report;
  const auto writer = io::make_table_writer(request.output, request.write, context);
  while (const auto batch = input->next()) {
    if (context.should_stop())
      throw Error(ErrorCode::kInterrupted, "stopped after {} rows; no file was written", report.n_rows);
    data::ConformReport conform;
    const infer::Prediction prediction =
        session.predict(leaves_out_kept ? batch->without(request.keep) : *batch, context, &conform);
    data::Frame result = batch->select(request.keep);
    if (!model.quantiles.empty())
      add_quantiles(result, model, prediction.values);
    else
      result.add("prediction",
                 request.threshold ? model.labels(prediction.values, request.threshold) : prediction.labels);
    if (score) add_interval(result, model, prediction.values, *score);
    if (request.proba) add_probabilities(result, session, prediction);
    writer->write(result);
    report.n_rows += batch->n_rows();
    add_report(report.conform, conform);
  }
  writer->close();
  if (const auto* drift = model.base.drift()) report.drift = drift->report();
  report.notes = input->report().notes;
  return report;
}

}  // namespace kolosal::service
