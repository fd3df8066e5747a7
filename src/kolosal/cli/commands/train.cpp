#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <mutex>
#include <nlohmann/json.hpp>

#include "kolosal/automl/run_history.hpp"
#include "kolosal/automl/run_record.hpp"
#include "kolosal/cli/command.hpp"
#include "kolosal/cli/kolosal_home.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/cli/progress.hpp"
#include "kolosal/cli/run_report.hpp"
#include "kolosal/cli/table_options.hpp"
#include "kolosal/cli/tracked_run.hpp"
#include "kolosal/cli/watchdog.hpp"
#include "kolosal/cli/workplace.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/service/model_summary.hpp"
#include "kolosal/service/training.hpp"

namespace kolosal::cli {
namespace {

/// Exactly one of time and trials; the default of --time-budget counts only where neither is given.
void read_budget(const Config& config, automl::RunOptions& run) {
  const auto trials = config.optional_integer("trials");
  const bool has_budget = config.entry("time_budget").source != "default";
  if (trials && has_budget)
    throw Error(ErrorCode::kUsage, "give either --time-budget or --trials, not both ({} and {})",
                config.entry("time_budget").source, config.entry("trials").source);
  if (trials) {
    run.n_trials = static_cast<std::size_t>(*trials);
    return;
  }
  const double seconds = config.number("time_budget");
  if (!(seconds > 0))
    throw Error(ErrorCode::kInvalidParameter,
                "--time-budget must be more than 0 seconds, not {}; a first model takes about 1 second",
                seconds);
  run.time_budget_s = seconds;
}

void check_learners(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const auto& info : model::estimators()) known.push_back(info.name);
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string near = nearest_name(name, known);
    throw Error(ErrorCode::kInvalidParameter, "--exclude-models: there is no learner \"{}\"; there are {}{}",
                name, fmt::join(known, ", "),
                near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
  }
}

std::vector<double> quantiles_of(const Config& config) {
  std::vector<double> out;
  const auto words = config.list("quantiles");
  for (const std::string& word : words) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size())
      throw Error(ErrorCode::kInvalidParameter,
                  "--quantiles {}: \"{}\" is not a number; write them as 0.1,0.5,0.9", fmt::join(words, ","),
                  word);
    out.push_back(value);
  }
  automl::check_quantiles(out);
  return out;
}

/// A run is looked up at once: after this one has started, "last" would mean itself.
void read_warm_start(const Config& config, automl::RunOptions& run) {
  const auto word = config.optional_text("warm_start");
  if (!word) return;
  run.warm_start_history = runs_folder(config);
  run.warm_start_server = store_server(config);
  if (*word != "auto" && run.warm_start_history.empty() && run.warm_start_server.empty())
    throw Error(ErrorCode::kNotFound,
                "--warm-start {}: there is no home folder, so no runs are kept; give one with --home", *word);
  run.warm_start = *word;
  if (*word != "auto")
    run.warm_start = automl::RunHistory::at(run.warm_start_server, run.warm_start_history).resolve(*word);
}

service::TrainRequest read_request(const Config& config) {
  service::TrainRequest out;
  out.data = config.text("data");
  out.test_data = config.optional_text("test_data").value_or("");
  out.read = read_options(config);
  automl::RunOptions& run = out.run;
  run.problem.target = config.text("target");
  run.problem.task = config.text("task");
  run.problem.metric = config.optional_text("metric").value_or("");
  run.problem.ignore = config.list("ignore");
  run.problem.group = config.optional_text("group").value_or("");
  run.problem.time = config.optional_text("time").value_or("");
  run.problem.weight = config.optional_text("weight").value_or("");
  run.problem.quantiles = quantiles_of(config);
  read_budget(config, run);
  const auto count = [&](const char* name) -> std::optional<std::size_t> {
    const auto value = config.optional_integer(name);
    return value ? std::optional(static_cast<std::size_t>(*value)) : std::nullopt;
  };
  run.n_folds = count("folds");
  run.n_repeats = count("repeats");
  run.n_nested = count("nested").value_or(0);
  run.distill = config.flag("distill");
  run.n_kept_rows = static_cast<std::size_t>(config.integer("keep_rows"));
  run.preset = automl::preset_from_name(config.text("preset"));
  run.seed = static_cast<std::uint64_t>(config.integer("seed"));
  run.class_weight = config.text("class_weight");
  run.exclude_models = config.list("exclude_models");
  check_learners(run.exclude_models);
  run.constraints.ensemble = !config.flag("no_ensemble");
  run.constraints.interpretable = config.flag("interpretable");
  run.constraints.monotone = model::monotone_columns(config.list("monotone"));
  run.constraints.max_latency_us = config.optional_number("max_latency_us");
  run.constraints.max_model_bytes = config.optional_bytes("max_model_size");
  run.constraints.max_memory_bytes = config.optional_bytes("max_memory");
  run.output = config.text("output");
  run.run_dir = config.optional_text("run_dir").value_or("");
  run.resume = config.flag("resume");
  if (!config.flag("no_history")) {
    run.server = store_server(config);
    run.history = run.server.empty() ? runs_folder(config) : unsent_folder(config);
  }
  read_warm_start(config, run);
  return out;
}

automl::Event note_event(const std::string& text, const Context& context) {
  automl::Event event;
  event.kind = automl::Event::Kind::kNote;
  event.message = text;
  event.score = event.best_score = std::numeric_limits<double>::quiet_NaN();
  event.elapsed_s = Clock::system().now_s();
  event.remaining_s = context.deadline.remaining_s();
  return event;
}

void print_run(const automl::RunResult& result, const service::TrainRequest& request, bool as_json) {
  if (as_json)
    print_json(automl::to_json(result));
  else
    print_result(run_report(result, request.data.string(), request.run.problem.target));
}

int run_train(const Invocation& invocation) {
  const Config& config = invocation.config;
  const service::TrainRequest request = read_request(config);
  const bool as_json = config.flag("json");
  const double budget_s = request.run.time_budget_s.value_or(std::numeric_limits<double>::infinity());
  Workplace workplace(config);
  Context context = workplace.context();
  context.seed = request.run.seed;
  const auto progress = make_progress({config.text("progress"), request.run.time_budget_s.value_or(0)});
  std::mutex progress_mutex;
  const auto show = [&](const automl::Event& event) {
    const std::lock_guard lock(progress_mutex);
    progress->on_event(event);
  };
  TrackedRun tracked(config, request, [&](const std::string& text) { show(note_event(text, context)); });
  if (request.run.time_budget_s) context.deadline = Deadline(Clock::system(), budget_s - tracked.reserve_s());

  Watchdog watchdog(budget_s, request.run.output, [&] {
    progress->finish();
    automl::RunResult result = service::result_of_model(request.run.output);
    result.elapsed_s = Clock::system().now_s();
    result.interrupted = context.cancel->is_cancelled();
    result.notes.emplace_back(
        "the time was over before the last step ended; the model is the last one that was written");
    note(result.notes.back());
    automl::record_end_from_outside(result, request.run);
    tracked.end(result);
    print_run(result, request, as_json);
    if (result.interrupted) leave(exit_code(ErrorCode::kInterrupted));
  });
  try {
    const automl::RunResult result = service::train(request, context, [&](const automl::Event& event) {
      if (event.kind == automl::Event::Kind::kCheckpoint) watchdog.has_model();
      tracked.on_event(event);
      show(event);
    });
    watchdog.claim();
    tracked.end(result);
    progress->finish();
    print_run(result, request, as_json);
    leave(result.interrupted ? exit_code(ErrorCode::kInterrupted) : 0);
  } catch (const std::exception& error) {
    watchdog.claim();
    tracked.fail(error.what());
    progress->finish();
    throw;
  }
}

std::vector<Option> train_options() {
  std::vector<Option> out;
  out.push_back(
      text_option("data", "FILE",
                  "The table to learn from: CSV, JSON lines, Parquet or Arrow, also compressed; - is the "
                  "standard input.")
          .required());
  out.push_back(text_option("target", "COLUMN", "The column to predict.").required());
  out.push_back(text_option("task", "", "What kind of target it is.", std::string("auto"))
                    .choices({"auto", "binary", "multiclass", "regression"}));
  out.push_back(text_option(
      "metric", "NAME",
      "The score to optimize. Default: roc_auc for two classes, log_loss for more, rmse for numbers."));
  out.push_back(
      list_option("quantiles", "LEVELS",
                  "Predict these quantiles of a number, one column for each: 0.1,0.5,0.9. The score is "
                  "the mean pinball loss."));
  out.push_back(duration_option("time_budget",
                                "Time of the whole process, from start to exit: 60, 90s, 5m, 1h.", 60.0));
  out.push_back(
      integer_option("trials",
                     "Number of models to try, instead of a time: the same seed then gives the same file.")
          .at_least(1));
  out.push_back(text_option("preset", "",
                            "How much to keep: one model, up to 5, or up to 8 and the whole time used.",
                            std::string("balanced"))
                    .choices({"fast", "balanced", "best"}));
  out.push_back(integer_option("seed", "Seed of all random choices.", std::int64_t{0}).at_least(0));
  out.push_back(text_option("output", "FILE", "The model file.", std::string("model.kolosal")));
  out.push_back(text_option(
      "run_dir", "DIR",
      "Where the run keeps its trials. Default: the model file's name with .run, removed at the end."));
  out.push_back(flag_option("resume", "Go on with the run that was stopped or killed in the run directory."));
  out.push_back(text_option("warm_start", "RUN",
                            "Try early what an earlier run found best: its id, the start of it, last, or "
                            "auto for runs of the most similar tables."));
  add_track_options(out);
  out.push_back(flag_option("no_history", "Do not keep what this run did; kolosal runs shows what is kept."));
  add_home_option(out);
  add_store_option(out);
  out.push_back(list_option("ignore", "COLUMNS", "Columns not to learn from."));
  out.push_back(
      text_option("group", "COLUMN", "Rows of one group are never on both sides of a validation split."));
  out.push_back(text_option("time", "COLUMN", "Validate on later rows than those trained on."));
  out.push_back(
      integer_option("folds",
                     "Parts of the rows that validate in turn; 1: a tenth or more is held out. Default: "
                     "by the size of the table.")
          .at_least(1));
  out.push_back(integer_option("repeats", "How often the folds are dealt anew.").at_least(1));
  out.push_back(
      integer_option("nested",
                     "Outer folds: each is left out, the whole search is done on the others, and its model "
                     "is judged on the fold, which tells the score on new rows. The time is divided among "
                     "these searches and that of all rows; trials are not.")
          .at_least(2));
  out.push_back(text_option("weight", "COLUMN", "How much each row counts."));
  out.push_back(
      text_option("class_weight", "RULE",
                  "How much the rows of a class count while learners are fitted: none (alike), search "
                  "(some entries weigh rare classes, validation chooses), balanced, sqrt, or yes=5,no=1.",
                  std::string("none")));
  out.push_back(
      text_option("test_data", "FILE",
                  "Rows to come, with or without a target; a note tells when they differ from the table."));
  out.push_back(list_option("exclude_models", "NAMES", "Learners not to use; kolosal info lists them."));
  out.push_back(flag_option("no_ensemble", "One learner, fitted on all rows, in place of a blend."));
  out.push_back(
      flag_option("distill",
                  "One forest, which learns what the blend predicts, in place of the blend: smaller "
                  "and faster. The report tells what it costs."));
  out.push_back(integer_option("keep_rows",
                               "Rows of the table that the model file keeps, features and target, for "
                               "kolosal export and info: whoever has the file can read them. Default: none.",
                               std::int64_t{0})
                    .at_least(0));
  out.push_back(flag_option("interpretable", "One tree or one linear model."));
  out.push_back(list_option("monotone", "COLUMN=+|-,...",
                            "Columns whose rise may only raise (+) or lower (-) the prediction."));
  out.push_back(number_option("max_latency_us", "MICROSECONDS",
                              "The most that the prediction of one row may take, on one thread."));
  out.push_back(bytes_option("max_model_size", "The most that the model file may have, as 500KB or 2MB."));
  out.push_back(bytes_option("max_memory",
                             "The most that the loaded model may take in memory, as 2MB; --memory-limit is "
                             "for the training."));
  out.push_back(text_option("progress", "", "On stderr: a bar on a terminal, plain lines, or JSON lines.",
                            std::string("auto"))
                    .choices({"auto", "bar", "plain", "json", "none"}));
  add_work_options(out);
  add_read_options(out);
  return out;
}

}  // namespace

Command train_command() {
  return {
      .name = "train",
      .summary = "Learn from a table and write a model file.",
      .description =
          "Tries preprocessing steps and learners on the table within the time given, blends the best and "
          "writes them as "
          "one file. A usable model is in place after a second or two and is replaced whenever a better one "
          "is ready. "
          "Ctrl-C once ends with the best so far, twice stops at once.",
      .options = train_options(),
      .positional = {},
      .examples = {{"kolosal train --data train.csv --target income --time-budget 60",
                    "Train for a minute, write model.kolosal."},
                   {"kolosal train --data sales.parquet --target price --metric mae --output price.kolosal",
                    "Predict a number, with the mean absolute error as the score."},
                   {"kolosal train --data sales.csv --target price --quantiles 0.1,0.5,0.9",
                    "Predict a low, a middle and a high price."},
                   {"kolosal train --data train.csv --target churn --trials 12 --seed 1",
                    "Reproducible: the same bytes each time."},
                   {"kolosal train --data train.csv --target churn --resume",
                    "Go on with a run that was stopped or killed."}},
      .run = run_train,
  };
}

}  // namespace kolosal::cli
