#include <nlohmann/json.hpp>

#include "kolosal/cli/command.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/cli/table_options.hpp"
#include "kolosal/cli/text_table.hpp"
#include "kolosal/cli/workplace.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/service/model_export.hpp"
#include "kolosal/service/model_quantization.hpp"

namespace kolosal::cli {
namespace {

void export_to(const std::string& format, const Config& config, const Context& context) {
  service::ExportRequest request;
  request.model = config.text("model");
  request.output = config.text("output");
  request.format = format;
  const service::ExportReport report = service::export_model(request, context);
  if (config.flag("json")) {
    nlohmann::json json = service::to_json(report);
    json["output"] = request.output.string();
    return print_json(json);
  }
  talk(fmt::format("{} written to {}: {} bytes, {} operations", report.format, request.output.string(),
                   report.n_bytes, report.n_operations));
  for (const service::ExportCheck& check : report.checks)
    talk(fmt::format("{}: {} rows {} differ from the model by at most {:.3g}", check.what, check.n_rows,
                     check.rows, check.max_difference));
  for (const std::string& text : report.notes) note(text);
}

std::string report_text(const service::QuantizeReport& report) {
  const auto ratio = [](double before, double after) {
    return after > 0 ? fmt::format("{:.2f}x", before / after) : std::string("-");
  };
  TextTable parts({"part", "stored as", "computed in", "numbers", "bytes before", "after", "smaller"});
  for (const auto& part : report.parts)
    parts.add({part.name, part.how, part.computed, fmt::format("{}", part.n_numbers),
               fmt::format("{}", part.bytes_before), fmt::format("{}", part.bytes_after),
               ratio(static_cast<double>(part.bytes_before), static_cast<double>(part.bytes_after))});
  TextTable all({"", "before", "after", "change"});
  all.add({"file, bytes", fmt::format("{}", report.bytes_before), fmt::format("{}", report.bytes_after),
           ratio(static_cast<double>(report.bytes_before), static_cast<double>(report.bytes_after)) +
               " smaller"});
  all.add({"processor time, us/row", fmt::format("{:.3g}", report.us_per_row_before),
           fmt::format("{:.3g}", report.us_per_row_after),
           ratio(report.us_per_row_before, report.us_per_row_after) + " faster"});
  all.add({"a row alone, us", fmt::format("{:.3g}", report.us_one_row_before),
           fmt::format("{:.3g}", report.us_one_row_after),
           ratio(report.us_one_row_before, report.us_one_row_after) + " faster"});
  all.add({report.metric, fmt::format("{:.6g}", report.score_before),
           fmt::format("{:.6g}", report.score_after),
           fmt::format("{:.3g} worse, {:g} allowed", report.loss, report.max_loss)});
  return parts.text() + "\n" + all.text() +
         fmt::format("\n{} rows; no prediction changed by more than {:.3g}\n", report.n_rows,
                     report.largest_change);
}

void export_quantized(const std::string& type, const Config& config, const Context& context) {
  service::QuantizeRequest request;
  request.model = config.text("model");
  request.output = config.text("output");
  request.type = type;
  request.data = config.optional_text("calibration_data").value_or("");
  request.max_loss = config.number("max_loss");
  request.metric = config.optional_text("metric").value_or("");
  request.activations = config.text("activations");
  request.read = read_options(config);
  const service::QuantizeReport report = service::quantize_file(request, context);
  if (config.flag("json")) {
    nlohmann::json json = service::to_json(report);
    json["output"] = request.output.string();
    return print_json(json);
  }
  print_result(report_text(report));
  talk(fmt::format("written to {}", request.output.string()));
}

int run_export(const Invocation& invocation) {
  const Config& config = invocation.config;
  const auto format = config.optional_text("format"), type = config.optional_text("quantize");
  if (format.has_value() == type.has_value())
    throw Error(ErrorCode::kUsage,
                "give --format (another language) or --quantize (a smaller .kolosal file), one of them");
  Workplace workplace(config);
  if (format)
    export_to(*format, config, workplace.context());
  else
    export_quantized(*type, config, workplace.context());
  leave(0);
}

std::vector<Option> export_options() {
  std::vector<Option> out;
  out.push_back(text_option("model", "FILE", "The model file.").required());
  out.push_back(text_option("output", "FILE", "Where it goes.").required());
  out.push_back(
      text_option("format", "", "The language to write the model in.").choices(service::export_formats()));
  out.push_back(
      text_option("quantize", "", "Write a .kolosal file with leaf values and weights stored as this.")
          .choices(service::quantized_types()));
  out.push_back(text_option("calibration_data", "FILE",
                            "--quantize: rows with targets, to measure the cost on. Default: "
                            "those that the model keeps (kolosal train --keep-rows)."));
  out.push_back(number_option("max_loss", "NUMBER",
                              "--quantize: most that the metric may get worse, in its own unit.", 0.001)
                    .at_least(0));
  out.push_back(text_option("metric", "NAME",
                            "--quantize: the metric. Default: the one that the model was trained for."));
  out.push_back(
      text_option("activations", "",
                  "--quantize int8, int4: the range of what the layers of a network read: of each row by "
                  "itself (dynamic), or found once on the calibration rows.",
                  "dynamic")
          .choices(service::activation_ranges()));
  add_work_options(out);
  add_read_options(out);
  return out;
}

}  // namespace

Command export_command() {
  return {
      .name = "export",
      .summary = "Write a model in another language (C, JSON, ONNX, PMML), or in fewer bytes.",
      .description =
          "The whole pipeline is written, from raw cells to predictions. Before that its description is "
          "compared with the model on rows drawn from the schema, and an ONNX model is run on them by ONNX "
          "Runtime where that is installed. A step or learner that has no form in the language is named, "
          "and nothing is written. With --quantize the result is a model file again, whose leaf "
          "values and "
          "weights are rounded; what that costs is measured, and too much is refused.",
      .options = export_options(),
      .positional = {},
      .examples = {{"kolosal export --model model.kolosal --format c --output model.c",
                    "One C99 file without dependencies."},
                   {"kolosal export --model model.kolosal --format onnx --output model.onnx",
                    "For ONNX Runtime."},
                   {"kolosal export --model model.kolosal --quantize int8 --calibration-data test.csv "
                    "--output small.kolosal",
                    "Fewer bytes, when the metric stays within 0.001."}},
      .run = run_export,
  };
}

}  // namespace kolosal::cli
