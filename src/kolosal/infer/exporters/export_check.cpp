#include "kolosal/infer/exporters/export_check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/exported_model.hpp"
#include "kolosal/infer/importers/onnx_runtime.hpp"

namespace kolosal::infer::exporters {
namespace {

double difference(double wanted, double found) {
  if (std::isnan(wanted) && std::isnan(found)) return 0;
  if (wanted == found) return 0;  // infinite ones too
  const double out = std::fabs(wanted - found) / std::max(1.0, std::fabs(wanted));
  return std::isnan(out) ? std::numeric_limits<double>::infinity() : out;
}

/// Whether probabilities are so near to the limit between two classes that rounding decides.
bool is_near_limit(const pipeline::Model& model, std::span<const double> row, std::size_t a, std::size_t b) {
  if (row.size() == 1) return std::fabs(row[0] - model.threshold) <= kMostDifference;
  const auto& weights = model.decision_weights;
  const auto value = [&](std::size_t k) { return weights.empty() ? row[k] : row[k] * weights[k]; };
  return std::fabs(value(a) - value(b)) <= kMostDifference * std::max(1.0, value(a));
}

void check_labels(const std::string& what, const pipeline::Model& model, const CheckedRows& rows,
                  const std::vector<std::string>& labels) {
  const std::span<const double> wanted = rows.wanted;
  const data::Column expected = model.labels(wanted);
  const std::size_t width = model.n_outputs();
  const auto& classes = model.classes;
  for (std::size_t r = 0; r < expected.size(); ++r) {
    const auto code = static_cast<std::size_t>(expected.codes()[r]);
    const std::string label = r < labels.size() ? labels[r] : std::string();
    if (label == classes[code]) continue;
    const auto found = std::ranges::find(classes, label);
    if (found != classes.end() && is_near_limit(model, wanted.subspan(r * width, width), code,
                                                static_cast<std::size_t>(found - classes.begin())))
      continue;
    throw Error(ErrorCode::kUnsupported,
                "can not export: {} labels row {} of {} {} \"{}\" instead of \"{}\"; nothing was written",
                what, r + 1, expected.size(), rows.name, label, classes[code]);
  }
}

/// Of two classes a graph gives both, a model the second.
std::vector<double> as_the_model(const GraphOutput& output, const pipeline::Model& model) {
  if (model.task != data::Task::kBinary || output.width != 2) return output.scores;
  std::vector<double> out;
  for (std::size_t i = 1; i < output.scores.size(); i += 2) out.push_back(output.scores[i]);
  return out;
}

/// Rows as an exported model takes them: moments are numbers of seconds.
data::Frame as_inputs(const data::Frame& rows) {
  data::Frame out;
  for (std::size_t c = 0; c < rows.n_columns(); ++c) {
    const data::Column& column = rows.column(c);
    if (!is_moment(column.type())) {
      out.add(rows.name(c), column);
      continue;
    }
    std::vector<double> seconds(rows.n_rows(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t r = 0; r < seconds.size(); ++r)
      if (!column.is_missing(r)) seconds[r] = seconds_of(column.int64s()[r]);
    out.add(rows.name(c), data::Column::from_float64(std::move(seconds)));
  }
  return out;
}

}  // namespace

ExportCheck compare_predictions(std::string what, const CheckedRows& rows, std::span<const double> found) {
  const std::span<const double> wanted = rows.wanted;
  const std::size_t n_rows = rows.frame.n_rows();
  ExportCheck out{std::move(what), rows.name, n_rows, 0};
  if (wanted.size() != found.size())
    throw Error(ErrorCode::kUnsupported,
                "can not export: {} gives {} numbers instead of {} for {} rows; nothing was written",
                out.what, found.size(), wanted.size(), n_rows);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double off = difference(wanted[i], found[i]);
    out.max_difference = std::max(out.max_difference, off);
    if (off > kMostDifference)
      throw Error(ErrorCode::kUnsupported,
                  "can not export: {} predicts {} instead of {} for row {} of {} {}; nothing was written",
                  out.what, found[i], wanted[i], i / (wanted.size() / n_rows) + 1, n_rows, rows.name);
  }
  return out;
}

ExportCheck check_by_onnx_runtime(std::span<const std::byte> file, const pipeline::Model& model,
                                  const CheckedRows& rows) {
  const std::string what = "ONNX Runtime " + OnnxRuntime::get().version();
  const GraphOutput output = [&] {
    try {
      return run_graph(read_onnx(file), file, as_inputs(rows.frame));
    } catch (const Error& error) {
      throw Error(error.code(), "can not export: the written graph does not run; nothing was written: {}",
                  error.what());
    }
  }();
  ExportCheck out = compare_predictions(what, rows, as_the_model(output, model));
  if (model.task != data::Task::kRegression) check_labels(what, model, rows, output.labels);
  return out;
}

}  // namespace kolosal::infer::exporters
