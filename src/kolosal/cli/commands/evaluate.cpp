#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/cli/command.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/cli/prediction_notes.hpp"
#include "kolosal/cli/run_report.hpp"
#include "kolosal/cli/table_options.hpp"
#include "kolosal/cli/text_table.hpp"
#include "kolosal/cli/workplace.hpp"
#include "kolosal/service/evaluation.hpp"

namespace kolosal::cli {
namespace {

using service::Evaluation;

/// Wider matrices are for --json.
constexpr std::size_t kMostClasses = 20;

std::string confusion_text(const Evaluation& evaluation) {
  const std::size_t n = evaluation.classes.size();
  if (n > kMostClasses)
    return fmt::format("\nconfusion matrix: {} classes are too many for a table, see --json\n", n);
  std::vector<std::string> head = {"true \\ predicted"};
  for (const std::string& name : evaluation.classes) head.push_back(name);
  TextTable table(std::move(head));
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<std::string> row = {evaluation.classes[i] + " "};
    for (std::size_t k = 0; k < n; ++k) row.push_back(fmt::format("{:.6g}", evaluation.confusion[i * n + k]));
    table.add(std::move(row));
  }
  return "\nconfusion matrix\n" + table.text();
}

std::string evaluation_text(const Evaluation& evaluation) {
  std::string out = fmt::format("{} of \"{}\", {}\n\n", data::task_name(evaluation.task), evaluation.target,
                                plural(evaluation.n_rows, "row"));
  TextTable table({"metric", "value", "better", "what"});
  for (const auto& score : evaluation.scores)
    table.add({score.name, std::isfinite(score.value) ? fmt::format("{:.6g}", score.value) : "-",
               score.higher_is_better ? "higher" : "lower", score.summary});
  out += table.text();
  if (!evaluation.classes.empty()) out += confusion_text(evaluation);
  return out;
}

int run_evaluate(const Invocation& invocation) {
  const Config& config = invocation.config;
  service::EvaluateRequest request;
  request.model = config.text("model");
  request.data = config.text("data");
  request.metrics = config.list("metric");
  request.weight = config.optional_text("weight").value_or("");
  request.read = read_options(config);
  Workplace workplace(config);
  const Evaluation evaluation = service::evaluate_file(request, workplace.context());
  if (config.flag("json")) {
    print_json(service::to_json(evaluation));
    leave(0);
  }
  tell_notes(evaluation.notes, evaluation.conform);
  tell_drift(evaluation.drift, evaluation.n_rows + evaluation.n_without_target, "the model was trained on");
  if (evaluation.n_without_target > 0)
    note(fmt::format("{} without a target left out", plural(evaluation.n_without_target, "row")));
  print_result(evaluation_text(evaluation));
  leave(0);
}

std::vector<Option> evaluate_options() {
  std::vector<Option> out;
  out.push_back(text_option("model", "FILE", "The model file.").required());
  out.push_back(
      text_option("data", "FILE", "A table with the model's columns and its target; - is the standard input.")
          .required());
  out.push_back(list_option("metric", "NAMES", "Only these scores. Default: all of the model's task."));
  out.push_back(text_option("weight", "COLUMN", "How much each row counts."));
  add_work_options(out);
  add_read_options(out);
  return out;
}

}  // namespace

Command evaluate_command() {
  return {
      .name = "evaluate",
      .summary = "Score a model on a table with known targets.",
      .description =
          "Prints all metrics of the task and, for classes, the confusion matrix. Rows without a target are "
          "left out.",
      .options = evaluate_options(),
      .positional = {},
      .examples = {{"kolosal evaluate --model model.kolosal --data test.csv",
                    "All metrics and the confusion matrix."},
                   {"kolosal evaluate --model model.kolosal --data test.csv --metric roc_auc,log_loss --json",
                    "Two of them, as JSON."}},
      .run = run_evaluate,
  };
}

}  // namespace kolosal::cli
