#include "kolosal/service/model_export.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/artifact/atomic_file.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/c_exporter.hpp"
#include "kolosal/infer/exporters/json_exporter.hpp"
#include "kolosal/infer/exporters/onnx_exporter.hpp"
#include "kolosal/infer/exporters/pmml_exporter.hpp"
#include "kolosal/infer/exporters/reference_rows.hpp"
#include "kolosal/infer/session.hpp"
#include "kolosal/service/output_place.hpp"

namespace kolosal::service {
namespace {

constexpr std::size_t kReferenceRows = 256;
constexpr std::size_t kMostKeptRows = 2048;  // the description is carried out slowly

double difference(double wanted, double found) {
  if (std::isnan(wanted) && std::isnan(found)) return 0;
  const double out = std::fabs(wanted - found) / std::max(1.0, std::fabs(wanted));
  return std::isnan(out) ? std::numeric_limits<double>::infinity() : out;
}

/// @throws Error kUnsupported for the first row that is off by more than allowed.
ExportCheck compared(std::string what, std::string rows, std::span<const double> wanted,
                     std::span<const double> found, std::size_t n_rows) {
  ExportCheck out{std::move(what), std::move(rows), n_rows, 0};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double off = difference(wanted[i], found[i]);
    out.max_difference = std::max(out.max_difference, off);
    if (off > kMostDifference)
      throw Error(ErrorCode::kUnsupported,
                  "can not export: {} predicts {} instead of {} for row {} of {} ({}); nothing was written",
                  out.what, found[i], wanted[i], i / (wanted.size() / n_rows) + 1, n_rows, out.rows);
  }
  return out;
}

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

struct Format {
  std::string name;
  std::vector<std::byte> (*write)(const infer::exporters::ExportedModel& model, const std::string& name);
};

const std::vector<Format>& formats() {
  namespace to = infer::exporters;
  using to::ExportedModel;
  static const std::vector<Format> out = {
      {"c", [](const ExportedModel& m, const std::string& name) { return bytes_of(to::export_c(m, name)); }},
      {"json", [](const ExportedModel& m, const std::string&) { return bytes_of(to::export_json(m)); }},
      {"onnx", [](const ExportedModel& m, const std::string& name) { return to::export_onnx(m, name); }},
      {"pmml", [](const ExportedModel& m, const std::string&) { return bytes_of(to::export_pmml(m)); }}};
  return out;
}

const Format& format_of(const std::string& name) {
  const auto found = std::ranges::find(formats(), name, &Format::name);
  if (found != formats().end()) return *found;
  throw Error(ErrorCode::kInvalidParameter, "there is no export format \"{}\"; there are: {}", name,
              fmt::join(export_formats(), ", "));
}

}  // namespace

std::vector<std::string> export_formats() {
  std::vector<std::string> out;
  for (const Format& format : formats()) out.push_back(format.name);
  return out;
}

nlohmann::json to_json(const ExportReport& report) {
  auto checks = nlohmann::json::array();
  for (const ExportCheck& check : report.checks)
    checks.push_back({{"what", check.what},
                      {"rows_are", check.rows},
                      {"rows", check.n_rows},
                      {"max_difference", check.max_difference}});
  return {{"format", report.format},
          {"bytes", report.n_bytes},
          {"operations", report.n_operations},
          {"checks", std::move(checks)}};
}

ExportReport export_model(const ExportRequest& request, const Context& context) {
  const Format& format = format_of(request.format);
  check_output_place(request.output, "the exported model");
  const auto session = infer::Session::open(request.model);
  const infer::exporters::ExportedModel exported = infer::exporters::describe_model(session.model());
  ExportReport report;
  report.format = request.format;
  report.n_operations = exported.operations.size();
  const auto check = [&](const std::string& name, const data::Frame& rows) {
    const auto wanted = session.predict(rows, context).values;
    const auto found = infer::exporters::evaluate(exported, session.model().schema, rows);
    report.checks.push_back(compared("the description", name, wanted, found, rows.n_rows()));
  };
  // The model's own rows have what is likely, drawn ones what is rare.
  if (const auto kept = session.kept_rows(); kept && kept->n_rows() > 0)
    check("kept by the model", kept->slice(0, std::min(kept->n_rows(), kMostKeptRows)));
  check("drawn from the schema", infer::exporters::reference_rows(session.model().schema, kReferenceRows, 1));
  const std::vector<std::byte> bytes = format.write(exported, request.output.stem().string());
  report.n_bytes = bytes.size();
  artifact::write_file_atomically(request.output, bytes);
  return report;
}

}  // namespace kolosal::service
