#include "kolosal/service/model_export.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kolosal/artifact/atomic_file.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/c_exporter.hpp"
#include "kolosal/infer/exporters/json_exporter.hpp"
#include "kolosal/infer/exporters/onnx_exporter.hpp"
#include "kolosal/infer/exporters/pmml_exporter.hpp"
#include "kolosal/infer/exporters/reference_rows.hpp"
#include "kolosal/infer/importers/onnx_runtime.hpp"
#include "kolosal/infer/session.hpp"
#include "kolosal/service/output_place.hpp"

namespace kolosal::service {
namespace {

constexpr std::size_t kReferenceRows = 256;
constexpr std::size_t kMostKeptRows = 2048;  // the description is carried out slowly

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
          {"checks", std::move(checks)},
          {"notes", report.notes}};
}

ExportReport export_model(const ExportRequest& request, const Context& context) {
  const Format& format = format_of(request.format);
  check_output_place(request.output, "the exported model");
  const auto session = infer::Session::open(request.model);
  const infer::exporters::ExportedModel exported = infer::exporters::describe_model(session.model());
  ExportReport report;
  report.format = request.format;
  report.n_operations = exported.operations.size();
  const auto& schema = session.model().schema;
  std::vector<infer::exporters::CheckedRows> checked;
  const auto check_on = [&](std::string name, data::Frame rows) {
    auto wanted = session.values(rows, context);
    checked.push_back({std::move(name), std::move(rows), std::move(wanted)});
  };
  // The model's own rows have what is likely, drawn ones what is rare.
  if (const auto kept = session.kept_rows(); kept && kept->n_rows() > 0)
    check_on("kept by the model", kept->slice(0, std::min(kept->n_rows(), kMostKeptRows)));
  check_on("drawn from the schema", infer::exporters::reference_rows(schema, kReferenceRows, 1));
  for (const auto& rows : checked)
    report.checks.push_back(infer::exporters::compare_predictions(
        "the description", rows, infer::exporters::evaluate(exported, schema, rows.frame)));
  const std::vector<std::byte> bytes = format.write(exported, request.output.stem().string());
  if (request.format == "onnx") {
    const std::string why = infer::OnnxRuntime::unavailable();
    for (std::size_t i = 0; why.empty() && i < checked.size(); ++i)
      report.checks.push_back(infer::exporters::check_by_onnx_runtime(bytes, session.model(), checked[i]));
    if (!why.empty())
      report.notes.push_back(
          fmt::format("the file was not run with ONNX Runtime, which could not be opened: {}. {}", why,
                      infer::kHowToInstall));
  }
  report.n_bytes = bytes.size();
  artifact::write_file_atomically(request.output, bytes);
  return report;
}

}  // namespace kolosal::service
