#include "kolosal/service/benchmark.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "kolosal/artifact/atomic_file.hpp"
#include "kolosal/cli/command.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/cli/run_report.hpp"
#include "kolosal/cli/table_options.hpp"
#include "kolosal/cli/text_table.hpp"
#include "kolosal/cli/workplace.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/memory.hpp"
#include "kolosal/service/output_place.hpp"

namespace kolosal::cli {
namespace {

std::string table_text(const service::TableBenchmark& table) {
  if (!table.error.empty()) return fmt::format("{}: {}\n", table.data.string(), table.error);
  std::string out = fmt::format("{}: {} of \"{}\", {} rows, {} columns, {} folds\n", table.data.string(),
                                table.task, table.target, table.n_rows, table.n_columns, table.n_folds);
  TextTable text({"model", table.metric, "±", "fit", "predict", "memory", "size", "note"});
  for (const service::BenchmarkRow& row : table.rows) {
    const bool has_score = std::isfinite(row.score);
    text.add({row.model, score_text(row.score),
              std::isfinite(row.deviation) ? fmt::format("{:.2g}", row.deviation) : "",
              has_score ? fmt::format("{:.2f} s", row.fit_s) : "",
              has_score ? fmt::format("{:.3g} us/row", row.predict_us_per_row) : "",
              row.memory_bytes > 0 ? format_bytes(row.memory_bytes) : "",
              row.model_bytes > 0 ? format_bytes(row.model_bytes) : "", row.note});
  }
  out += text.text();
  for (const std::string& note : table.notes) out += fmt::format("  note: {}\n", note);
  return out;
}

std::string report_text(const service::BenchmarkReport& report) {
  std::string out;
  for (const auto& table : report.tables) out += (out.empty() ? "" : "\n") + table_text(table);
  if (report.tables.size() < 2) return out;
  TextTable ranks({"model", "mean rank", "tables"});
  for (const service::MeanRank& entry : service::mean_ranks(report))
    ranks.add({entry.model, fmt::format("{:.2f}", entry.rank), fmt::format("{}", entry.n_tables)});
  return out + "\nall tables\n" + ranks.text();
}

int run_benchmark_command(const Invocation& invocation) {
  const Config& config = invocation.config;
  service::BenchmarkRequest request;
  request.data.emplace_back(*invocation.argument);
  request.data.insert(request.data.end(), invocation.more.begin(), invocation.more.end());
  request.read = read_options(config);
  request.problem.target = config.optional_text("target").value_or("");
  request.problem.task = config.text("task");
  request.problem.metric = config.optional_text("metric").value_or("");
  request.problem.ignore = config.list("ignore");
  request.problem.group = config.optional_text("group").value_or("");
  request.problem.time = config.optional_text("time").value_or("");
  request.models = config.list("models");
  request.budget_s = config.number("budget");
  if (!(request.budget_s > 0))
    throw Error(ErrorCode::kInvalidParameter, "--budget must be more than 0 seconds, not {}",
                request.budget_s);
  request.n_folds = static_cast<std::size_t>(config.integer("folds"));
  request.seed = static_cast<std::uint64_t>(config.integer("seed"));
  const auto html = config.optional_text("html");
  if (html) service::check_output_place(*html, "the page");  // found out now and not after an hour
  Workplace workplace(config);
  const bool is_quiet = config.text("progress") == "none";
  const auto report = service::run_benchmark(request, workplace.context(), [&](const std::string& line) {
    if (!is_quiet) talk(line);
  });
  if (html) {
    const std::string page = service::benchmark_page(report);
    artifact::write_file_atomically(*html, std::as_bytes(std::span(page)), false);
    note(fmt::format("the page is in {}", *html));
  }
  config.flag("json") ? print_json(service::to_json(report)) : print_result(report_text(report));
  leave(report.interrupted ? exit_code(ErrorCode::kInterrupted) : 0);
}

std::vector<Option> benchmark_options() {
  std::vector<Option> out;
  out.push_back(
      text_option("target", "COLUMN", "The column to predict. Default: the last one of each table."));
  out.push_back(text_option("task", "", "What kind of target it is.", std::string("auto"))
                    .choices({"auto", "binary", "multiclass", "regression"}));
  out.push_back(text_option("metric", "NAME", "The score to compare by. Default: as for kolosal train."));
  out.push_back(list_option("models", "NAMES",
                            "Only these: learners, as kolosal info lists them, perhaps with parameters as in "
                            "lightgbm:boosting=dart, and automl. Default: all that fit."));
  out.push_back(duration_option("budget", "Time for each model on a table, over all folds.", 30.0));
  out.push_back(integer_option("folds", "Folds of the cross-validation.", std::int64_t{3}).at_least(2));
  out.back().spec.maximum = 20;
  out.push_back(integer_option("seed", "Seed of all random choices.", std::int64_t{0}).at_least(0));
  out.push_back(text_option("html", "FILE", "Write a page with plots to this file; it needs nothing else."));
  out.push_back(list_option("ignore", "COLUMNS", "Columns not to learn from."));
  out.push_back(text_option("group", "COLUMN", "Rows of one group are never on both sides of a split."));
  out.push_back(text_option("time", "COLUMN", "Validate on later rows than those trained on."));
  out.push_back(text_option("progress", "", "On stderr: a line per model.", std::string("plain"))
                    .choices({"plain", "none"}));
  add_work_options(out);
  add_read_options(out);
  return out;
}

}  // namespace

Command benchmark_command() {
  return {
      .name = "benchmark",
      .summary = "Compare all learners, and AutoML itself, on your tables.",
      .description =
          "Cross-validates every learner and the whole search on the same folds: score and its deviation, "
          "time to "
          "fit and to predict, memory, size of the model. Of several tables also the mean rank. AutoML "
          "searches anew "
          "within each fold's training rows, so its score owes nothing to the rows it is judged on. Ctrl-C "
          "ends with "
          "what is there.",
      .options = benchmark_options(),
      .positional = Positional{"DATA", "A table.", true, {}, "DATA"},
      .examples = {{"kolosal benchmark train.csv --target income", "All that fit, 30 seconds each at most."},
                   {"kolosal benchmark a.csv b.csv --models lightgbm,random_forest,automl --budget 10",
                    "Some models on two tables, whose last columns are the targets."},
                   {"kolosal benchmark train.csv --target income --html benchmark.html",
                    "With plots, for a browser."}},
      .run = run_benchmark_command,
  };
}

}  // namespace kolosal::cli
