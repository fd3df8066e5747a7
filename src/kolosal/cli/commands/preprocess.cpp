#include <nlohmann/json.hpp>

#include "kolosal/cli/command.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/cli/prediction_notes.hpp"
#include "kolosal/cli/table_options.hpp"
#include "kolosal/cli/workplace.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/service/preprocessing.hpp"
#include "kolosal/service/short_recipe.hpp"

namespace kolosal::cli {
namespace {

service::PreprocessRequest read_request(const Config& config) {
  service::PreprocessRequest out;
  out.data = config.text("data");
  out.output = config.optional_text("output").value_or("");
  out.read = read_options(config);
  out.read.batch_rows = static_cast<std::size_t>(config.integer("batch_rows"));
  out.write = write_options(config);
  out.target = config.optional_text("target").value_or("");
  out.task = config.text("task");
  out.ignore = config.list("ignore");
  out.recipe = config.optional_text("recipe").value_or("");
  out.save_recipe = config.optional_text("save_recipe").value_or("");
  out.max_features = static_cast<std::size_t>(config.integer("max_features"));
  const service::ShortRecipe words{config.optional_text("impute").value_or(""),
                                   config.optional_text("scale").value_or(""),
                                   config.optional_text("encode").value_or("")};
  if (!words.empty() && !out.recipe.empty())
    throw Error(ErrorCode::kUsage, "give either --recipe or --impute, --scale and --encode, not both");
  out.plan = service::plan_of(words);
  out.learner = transform::family_from_name(config.text("learner"));
  if (out.output.empty() && out.save_recipe.empty() && !config.flag("explain"))
    throw Error(
        ErrorCode::kUsage,
        "nothing to do: give --output FILE for the table, --save-recipe FILE for the recipe, or --explain");
  return out;
}

std::string some(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 6;
  std::string out;
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i) out += (i ? ", " : "") + names[i];
  if (names.size() > kShown) out += fmt::format(", ... ({} in all)", names.size());
  return out;
}

std::string explanation(const service::PreprocessReport& report) {
  std::string out;
  for (std::size_t i = 0; i < report.steps.size(); ++i) {
    const auto& step = report.steps[i];
    out += fmt::format("{:>2}. {:<18} {}\n", i + 1, step.step,
                       step.columns.empty() ? "(skipped: no such columns)" : some(step.columns));
    if (!step.reason.empty()) out += fmt::format("    {}\n", step.reason);
  }
  for (const std::string& text : report.plan.notes) out += fmt::format("    {}\n", text);
  return out;
}

int run_preprocess(const Invocation& invocation) {
  const Config& config = invocation.config;
  const service::PreprocessRequest request = read_request(config);
  const bool as_json = config.flag("json"), explain = config.flag("explain");
  if ((as_json || explain) && request.output == "-")
    throw Error(ErrorCode::kUsage, "{} needs --output FILE: the standard output is taken by the table",
                as_json ? "--json" : "--explain");
  Workplace workplace(config);
  Context context = workplace.context();
  context.seed = static_cast<std::uint64_t>(config.integer("seed"));
  const service::PreprocessReport report = service::preprocess_file(request, context);
  if (as_json) {
    nlohmann::json out = service::to_json(report);
    out["output"] = request.output.string();
    print_json(out);
    leave(0);
  }
  if (explain) print_result(explanation(report));
  data::ConformReport conform = report.conform;
  conform.extra_columns.clear();
  tell_notes(report.notes, conform);
  if (!report.conform.extra_columns.empty())
    note(fmt::format("not in the recipe and left out: {}", fmt::join(report.conform.extra_columns, ", ")));
  tell_drift(report.drift, report.n_rows, "the recipe was fitted on");
  if (!request.output.empty() && request.output != "-")
    talk(fmt::format("{} of {} written to {}", plural(report.n_rows, "row"),
                     plural(report.columns.size(), "column"), request.output.string()));
  if (!request.save_recipe.empty())
    talk(fmt::format("recipe written to {} (to read and edit) and {} (to apply)",
                     std::filesystem::path(request.save_recipe).replace_extension(".toml").string(),
                     std::filesystem::path(request.save_recipe).replace_extension(".kolosal").string()));
  leave(0);
}

std::vector<Option> preprocess_options() {
  std::vector<Option> out;
  out.push_back(text_option("data", "FILE", "The table to read; - is the standard input.").required());
  out.push_back(text_option("output", "FILE", "Where the new table goes; - is the standard output."));
  out.push_back(text_option("target", "COLUMN",
                            "A column that passes untouched and that no step takes, save to learn from it."));
  out.push_back(text_option("task", "", "What kind of target it is.", std::string("auto"))
                    .choices({"auto", "binary", "multiclass", "regression"}));
  out.push_back(list_option("ignore", "COLUMNS", "Columns that pass untouched and that no step takes."));
  out.push_back(
      text_option("recipe", "FILE",
                  "A recipe (.toml), which is fitted on the table, or a fitted one (.kolosal), which is "
                  "applied to it."));
  out.push_back(
      text_option("save_recipe", "FILE",
                  "Write the recipe: x.toml, to read and edit, and x.kolosal, to apply to other rows."));
  out.push_back(
      text_option("impute", "METHOD", "A short recipe: what fills missing cells, as median or mean."));
  out.push_back(
      text_option("scale", "METHOD", "A short recipe: how numbers are scaled, as standard or robust."));
  out.push_back(
      text_option("encode", "METHOD",
                  "A short recipe: what categories become, as onehot, target, ordinal or frequency."));
  out.push_back(text_option("learner", "", "Without a recipe: what kind of learner the table is for.",
                            std::string("linear"))
                    .choices(transform::learner_families()));
  out.push_back(integer_option("max_features", "Refuse a recipe that makes more columns than this.",
                               std::int64_t{100'000})
                    .at_least(1));
  out.push_back(integer_option("seed", "Seed of all random choices.", std::int64_t{0}).at_least(0));
  out.push_back(flag_option("explain", "Print each step, the columns it took, and why it is there."));
  add_batch_options(out);
  add_write_options(out);
  add_work_options(out);
  add_read_options(out);
  return out;
}

}  // namespace

Command preprocess_command() {
  return {
      .name = "preprocess",
      .summary = "Fill, scale, encode: make a table that learners can take, by a recipe that can be kept.",
      .description =
          "A recipe is a list of steps. Without one the table is looked at and a recipe is written for it, "
          "with a "
          "reason per step. It is fitted on a table and can be saved: as a TOML file that people "
          "read and edit, and as a fitted recipe that does the same to other rows. Those are read and "
          "written "
          "in batches, so their number does not matter. The target and ignored columns are never changed. "
          "The output file is there whole or not at all.",
      .options = preprocess_options(),
      .positional = {},
      .examples =
          {{"kolosal preprocess --data train.csv --target y --impute median --scale standard --encode "
            "onehot --save-recipe r.toml --output train.parquet",
            "Fit three steps and keep them."},
           {"kolosal preprocess --data new.csv --recipe r.kolosal --output new.parquet",
            "The same to new rows."},
           {"kolosal preprocess --data train.csv --recipe r.toml --output train.parquet",
            "Fit the recipe anew, perhaps after editing it."}},
      .run = run_preprocess,
  };
}

}  // namespace kolosal::cli
