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
    checks.push_back(
        {{"what", check.what}, {"rows", check.n_rows}, {"max_difference", check.max_difference}});
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
  const data::Frame rows = infer::exporters::reference_rows(schema, kReferenceRows, 1);
  const auto wanted = session.values(rows, context);
  report.checks.push_back(infer::exporters::compare_predictions(
      "the description", wanted, infer::exporters::evaluate(exported, schema, rows), rows.n_rows()));
  const std::vector<std::byte> bytes = format.write(exported, request.output.stem().string());
  if (request.format == "onnx") {
    if (const std::string why = infer::OnnxRuntime::unavailable(); why.empty())
      report.checks.push_back(infer::exporters::check_by_onnx_runtime(bytes, session.model(), rows, wanted));
    else
      report.notes.push_back(
          fmt::format("the file was not run with ONNX Runtime, which could not be opened: {}. {}", why,
                      infer::kHowToInstall));
  }
  report.n_bytes = bytes.size();
  artifact::write_file_atomically(request.output, bytes);
  return report;
}

}  // namespace kolosal::service
