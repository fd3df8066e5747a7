#include "kolosal/service/model_quantization.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "kolosal/artifact/atomic_file.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/infer/session.hpp"
#include "kolosal/service/evaluation.hpp"
#include "kolosal/service/output_place.hpp"

namespace kolosal::service {
namespace {

/// A file beside the output that is gone at the end of the scope.
class DraftFile {
 public:
  explicit DraftFile(const std::filesystem::path& output)
      : path_(output.parent_path() / fmt::format(".{}.{}.draft", output.filename().string(), getpid())) {}
  ~DraftFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  DraftFile(const DraftFile&) = delete;
  DraftFile& operator=(const DraftFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

double processor_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Measured {
  std::vector<double> values;
  double us_per_row = 0, us_one_row = 0;
};

/// Microseconds of one row, one after another, when everything was warm.
double measure_rows(const infer::Session& session, const data::Frame& batch) {
  constexpr std::size_t kMostRows = 256;
  const data::Frame table =
      session.model().schema.conform(batch.slice(0, std::min(batch.n_rows(), kMostRows)));
  if (table.n_rows() == 0) return 0;
  infer::RowScratch scratch;
  std::vector<double> out(session.model().n_outputs());
  const auto run = [&] {
    const double start = processor_s();
    for (std::size_t r = 0; r < table.n_rows(); ++r) {
      const auto cells = session.rows().begin_row(scratch);
      for (std::size_t c = 0; c < cells.size(); ++c)
        cells[c] = data::cell_of(table.column(c), r, scratch.arena);
      session.rows().predict(out, scratch);
    }
    return processor_s() - start;
  };
  double best = run();
  for (int repeat = 0; repeat < 4; ++repeat) best = std::min(best, run());
  return 1e6 * best / static_cast<double>(table.n_rows());
}

/// Predictions of all batches, and what one of them took when everything was warm.
Measured measure(const infer::Session& session, const std::vector<data::Frame>& batches,
                 const Context& context) {
  Measured out;
  std::size_t n_rows = 0;
  for (const data::Frame& batch : batches) {
    const auto values = session.predict(batch, context).values;
    out.values.insert(out.values.end(), values.begin(), values.end());
    n_rows += batch.n_rows();
  }
  double best = INFINITY;
  for (int repeat = 0; repeat < 3; ++repeat) {
    const double start = processor_s();
    for (const data::Frame& batch : batches) session.predict(batch, context);
    best = std::min(best, processor_s() - start);
  }
  out.us_per_row = n_rows > 0 ? 1e6 * best / static_cast<double>(n_rows) : 0;
  if (!batches.empty()) out.us_one_row = measure_rows(session, batches.front());
  return out;
}

std::string metric_of(const QuantizeRequest& request, const infer::Session& session) {
  if (!request.metric.empty()) return request.metric;
  const auto& manifest = session.manifest();
  if (const auto found = manifest.find("metric"); found != manifest.end() && found->is_string())
    return found->get<std::string>();
  throw Error(ErrorCode::kUsage, "{} does not tell what it was trained for; name it by --metric",
              request.model.string());
}

/// Rows with targets, read once and given out as often as wanted.
struct CalibrationRows {
  std::vector<data::Frame> batches;
  std::string name;  // for messages
};

class HeldRows final : public io::TableStream {
 public:
  explicit HeldRows(const std::vector<data::Frame>& batches) : batches_(batches) {}
  std::optional<data::Frame> next() override {
    return at_ < batches_.size() ? std::optional(batches_[at_++]) : std::nullopt;
  }
  const std::vector<std::string>& names() const override { return batches_.front().names(); }
  const io::ReadReport& report() const override { return report_; }

 private:
  const std::vector<data::Frame>& batches_;
  std::size_t at_ = 0;
  io::ReadReport report_;
};

EvaluateRequest evaluation_of(const QuantizeRequest& request) {
  EvaluateRequest out;
  out.model = request.model;
  out.data = request.data;
  out.read = request.read;
  return out;
}

CalibrationRows calibration_rows(const QuantizeRequest& request, const infer::Session& session,
                                 const Context& context) {
  CalibrationRows out;
  if (!request.data.empty()) {
    out.name = request.data.string();
    const auto input = open_evaluation_rows(evaluation_of(request), session, context);
    while (auto batch = input->next()) out.batches.push_back(std::move(*batch));
    return out;
  }
  out.name = "the model's kept rows";
  auto kept = session.kept_rows();
  if (!kept)
    throw Error(
        ErrorCode::kUsage,
        "--quantize needs --calibration-data FILE: rows with targets to measure the cost on; {} keeps "
        "none itself, as a model of kolosal train --keep-rows N does",
        request.model.string());
  const pipeline::Model& model = session.model();
  if (!kept->find(model.target))
    throw Error(ErrorCode::kModel, "the kept rows of {} have no target \"{}\"", request.model.string(),
                model.target);
  out.batches.push_back(std::move(*kept));
  return out;
}

MetricScore score_of(const infer::Session& session, const std::string& metric, const QuantizeRequest& request,
                     const CalibrationRows& rows, const Context& context, std::size_t& n_rows) {
  EvaluateRequest evaluate = evaluation_of(request);
  evaluate.metrics = {metric};
  HeldRows held(rows.batches);
  const Evaluation evaluation = evaluate_rows(evaluate, session, held, context);
  n_rows = evaluation.n_rows;
  const MetricScore& out = evaluation.scores.at(0);
  if (!std::isfinite(out.value))
    throw Error(ErrorCode::kData,
                "the rows of {} do not define {}: give rows of every class, or another --metric", rows.name,
                metric);
  return out;
}

}  // namespace

const std::vector<std::string>& quantized_types() {
  static const std::vector<std::string> types = {"int8", "int16", "int4", "float16"};
  return types;
}

const std::vector<std::string>& activation_ranges() {
  static const std::vector<std::string> names = {"dynamic", "min_max", "percentile", "entropy", "mse"};
  return names;
}

nlohmann::json to_json(const QuantizeReport& report) {
  auto parts = nlohmann::json::array();
  for (const auto& part : report.parts)
    parts.push_back({{"part", part.name},
                     {"stored", part.how},
                     {"computed", part.computed},
                     {"numbers", part.n_numbers},
                     {"bytes_before", part.bytes_before},
                     {"bytes_after", part.bytes_after},
                     {"mean_squared_error",
                      part.squared_error / static_cast<double>(std::max<std::size_t>(part.n_numbers, 1))}});
  return {{"quantized", report.type},
          {"metric", report.metric},
          {"score_before", report.score_before},
          {"score_after", report.score_after},
          {"loss", report.loss},
          {"max_loss", report.max_loss},
          {"rows", report.n_rows},
          {"bytes_before", report.bytes_before},
          {"bytes_after", report.bytes_after},
          {"us_per_row_before", report.us_per_row_before},
          {"us_per_row_after", report.us_per_row_after},
          {"us_one_row_before", report.us_one_row_before},
          {"us_one_row_after", report.us_one_row_after},
          {"largest_change", report.largest_change},
          {"parts", std::move(parts)}};
}

namespace {

infer::ModelQuantization quantization_of(const QuantizeRequest& request, const CalibrationRows& rows) {
  infer::ModelQuantization out{.type = infer::quantized_type_from_name(request.type)};
  const auto found = std::ranges::find(activation_ranges(), request.activations);
  if (found == activation_ranges().end())
    throw Error(ErrorCode::kInvalidParameter, "--activations must be one of {}: \"{}\"",
                fmt::join(activation_ranges(), ", "), request.activations);
  if (found == activation_ranges().begin() || rows.batches.empty()) return out;
  out.calibration = &rows.batches.front();
  constexpr infer::RangeRule kRules[] = {infer::RangeRule::kMinMax, infer::RangeRule::kPercentile,
                                         infer::RangeRule::kEntropy, infer::RangeRule::kMse};
  out.rule = kRules[found - activation_ranges().begin() - 1];
  return out;
}

}  // namespace

QuantizeReport quantize_file(const QuantizeRequest& request, const Context& context) {
  check_output_place(request.output, "the quantized model");
  const auto session = infer::Session::open(request.model);
  if (session.is_imported())
    throw Error(ErrorCode::kUnsupported,
                "{} is a model of another program; only .kolosal models can be quantized",
                request.model.string());
  QuantizeReport report;
  report.type = request.type;
  report.max_loss = request.max_loss;
  report.metric = metric_of(request, session);
  const CalibrationRows rows = calibration_rows(request, session, context);
  const MetricScore before = score_of(session, report.metric, request, rows, context, report.n_rows);
  const auto bytes = infer::quantize_model(session.container(), quantization_of(request, rows), report.parts);
  if (report.parts.empty())
    throw Error(
        ErrorCode::kUnsupported,
        "{} holds nothing that could be quantized to {}: no trees, weights or stored rows that it can hold",
        request.model.string(), request.type);
  const DraftFile draft(request.output);
  artifact::write_file_atomically(draft.path(), bytes);
  const auto rounded = infer::Session::open(draft.path());
  const MetricScore after = score_of(rounded, report.metric, request, rows, context, report.n_rows);
  report.score_before = before.value;
  report.score_after = after.value;
  report.loss = before.higher_is_better ? before.value - after.value : after.value - before.value;
  report.bytes_before = session.container().file_bytes();
  report.bytes_after = bytes.size();
  if (report.loss > request.max_loss)
    throw Error(
        ErrorCode::kUnsupported,
        "{} would cost too much: {} of {} rows goes from {:.6g} to {:.6g}, {:.3g} worse and more than "
        "--max-loss {:g}; nothing was written. Try int16 or float16",
        request.type, report.metric, report.n_rows, report.score_before, report.score_after, report.loss,
        request.max_loss);
  const Measured old = measure(session, rows.batches, context),
                 made = measure(rounded, rows.batches, context);
  report.us_per_row_before = old.us_per_row;
  report.us_per_row_after = made.us_per_row;
  report.us_one_row_before = old.us_one_row;
  report.us_one_row_after = made.us_one_row;
  for (std::size_t i = 0; i < old.values.size(); ++i)
    report.largest_change = std::max(report.largest_change, std::fabs(old.values[i] - made.values[i]));
  artifact::write_file_atomically(request.output, bytes);
  return report;
}

}  // namespace kolosal::service
