#include <nlohmann/json.hpp>

#include "kolosal/cli/command.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/cli/prediction_notes.hpp"
#include "kolosal/cli/table_options.hpp"
#include "kolosal/cli/workplace.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/service/prediction.hpp"
#include "kolosal/service/preprocessing.hpp"

namespace kolosal::cli {
namespace {

nlohmann::json to_json(const service::PredictReport& report, const std::string& output) {
  return {{"output", output},
          {"rows", report.n_rows},
          {"unseen_levels", report.conform.unseen_levels},
          {"unreadable_cells", report.conform.unreadable_cells},
          {"rounded_cells", report.conform.rounded_cells},
          {"extra_columns", report.conform.extra_columns},
          {"drift", service::to_json(report.drift)},
          {"notes", report.notes}};
}

int run_predict(const Invocation& invocation) {
  const Config& config = invocation.config;
  service::PredictRequest request;
  request.model = config.text("model");
  request.data = config.text("data");
  request.output = config.text("output");
  request.proba = config.flag("proba");
  request.interval = config.optional_number("interval");
  request.threshold = config.optional_number("threshold");
  request.keep = config.list("keep");
  request.read = read_options(config);
  request.read.batch_rows = static_cast<std::size_t>(config.integer("batch_rows"));
  request.write = write_options(config);
  const bool as_json = config.flag("json");
  if (as_json && request.output == "-")
    throw Error(ErrorCode::kUsage,
                "--json needs --output FILE: the standard output is taken by the predictions");
  Workplace workplace(config);
  const service::PredictReport report = service::predict_file(request, workplace.context());
  if (as_json) {
    print_json(to_json(report, request.output.string()));
  } else {
    tell_notes(report.notes, report.conform);
    tell_drift(report.drift, report.n_rows, "the model was trained on");
    if (request.output != "-")
      talk(fmt::format("{} predicted, written to {}", plural(report.n_rows, "row"), request.output.string()));
  }
  leave(0);
}

std::vector<Option> predict_options() {
  std::vector<Option> out;
  out.push_back(text_option("model", "FILE", "The model file.").required());
  out.push_back(text_option("data", "FILE",
                            "The table to predict; its columns may be in any order. - is the standard input.")
                    .required());
  out.push_back(
      text_option("output", "FILE", "Where the predictions go; - is the standard output.", std::string("-")));
  out.push_back(flag_option("proba", "Add a column proba_<class> per class."));
  out.push_back(number_option("interval", "LEVEL",
                              "Add columns lower and upper, or set (the classes, joined by |), that hold the "
                              "target of this share of rows: 0.9."));
  out.push_back(number_option("threshold", "P",
                              "Two classes: predict the second above this probability. Default: the model's, "
                              "which kolosal info tells."));
  out.push_back(list_option("keep", "COLUMNS", "Columns of the input to put before the prediction."));
  add_batch_options(out);
  add_write_options(out);
  add_work_options(out);
  add_read_options(out);
  return out;
}

}  // namespace

Command predict_command() {
  return {
      .name = "predict",
      .summary = "Predict the rows of a table with a model file.",
      .description =
          "Columns are matched by name, in any order; classes are written as they were in the training data. "
          "The table is "
          "read and written in batches, so its size does not matter. The output file is there whole or not "
          "at all.",
      .options = predict_options(),
      .positional = {},
      .examples = {{"kolosal predict --model model.kolosal --data new.csv --output predictions.csv",
                    "One prediction per row."},
                   {"kolosal predict --model model.kolosal --data new.csv --proba --keep id",
                    "With probabilities and the id of each row, on the standard output."},
                   {"kolosal predict --model price.kolosal --data new.csv --interval 0.9",
                    "With lower and upper: the target is between them in 9 of 10 rows."},
                   {"zcat new.jsonl.gz | kolosal predict --model model.kolosal --data - --output out.parquet",
                    "JSON lines in, Parquet out."}},
      .run = run_predict,
  };
}

}  // namespace kolosal::cli
