#include <nlohmann/json.hpp>

#include "kolosal/cli/command.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/cli/prediction_notes.hpp"
#include "kolosal/cli/table_options.hpp"
#include "kolosal/cli/workplace.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/service/conversion.hpp"

namespace kolosal::cli {
namespace {

int run_convert(const Invocation& invocation) {
  const Config& config = invocation.config;
  service::ConvertRequest request;
  request.data = config.text("data");
  request.output = config.text("output");
  request.read = read_options(config);
  request.write = write_options(config);
  const bool as_json = config.flag("json");
  if (as_json && request.output == "-")
    throw Error(ErrorCode::kUsage, "--json needs --output FILE: the standard output is taken by the table");
  Workplace workplace(config);
  const service::ConvertReport report = service::convert_file(request, workplace.context());
  if (as_json) {
    print_json({{"output", request.output.string()},
                {"rows", report.n_rows},
                {"columns", report.n_columns},
                {"notes", report.notes}});
  } else {
    tell_notes(report.notes, {});
    if (request.output != "-")
      talk(fmt::format("{} of {} written to {}", plural(report.n_rows, "row"),
                       plural(report.n_columns, "column"), request.output.string()));
  }
  leave(0);
}

std::vector<Option> convert_options() {
  std::vector<Option> out;
  out.push_back(text_option("data", "FILE", "The table to read; - is the standard input.").required());
  out.push_back(text_option("output", "FILE", "Where it goes; - is the standard output.").required());
  add_write_options(out);
  add_work_options(out);
  add_read_options(out);
  return out;
}

}  // namespace

Command convert_command() {
  return {
      .name = "convert",
      .summary = "Copy a table into another format: CSV, JSON lines, Parquet, Arrow.",
      .description =
          "The table is read and written in batches, so its size does not matter. Column types are inferred "
          "unless they "
          "are forced; with --types '*=text' every cell stays exactly as it stands in the file.",
      .options = convert_options(),
      .positional = {},
      .examples = {{"kolosal convert --data table.csv --output table.parquet", "CSV to Parquet, with types."},
                   {"kolosal convert --data table.csv.gz --output - --output-format jsonl",
                    "JSON lines on the standard output."},
                   {"kolosal convert --data in.csv --output out.csv --types '*=text'",
                    "Every cell as it is, whatever it looks like."}},
      .run = run_convert,
  };
}

}  // namespace kolosal::cli
