#include "kolosal/service/tracking.hpp"

#include <optional>

#include "kolosal/automl/run_store.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/log.hpp"
#include "kolosal/core/version.hpp"

namespace kolosal::service {
namespace {

std::map<std::string, std::string> params_of(const TrainRequest& request) {
  const automl::RunOptions& run = request.run;
  std::map<std::string, std::string> out = {{"data", request.data.string()},
                                            {"target", run.problem.target},
                                            {"task", run.problem.task},
                                            {"preset", std::string(automl::preset_name(run.preset))},
                                            {"seed", fmt::format("{}", run.seed)}};
  if (run.time_budget_s) out["time_budget"] = fmt::format("{:g}", *run.time_budget_s);
  if (run.n_trials) out["trials"] = fmt::format("{}", *run.n_trials);
  for (const auto& [key, value] : {std::pair{"metric", run.problem.metric},
                                   {"group", run.problem.group},
                                   {"time", run.problem.time},
                                   {"weight", run.problem.weight},
                                   {"warm_start", run.warm_start}})
    if (!value.empty()) out[key] = value;
  if (!run.problem.ignore.empty()) out["ignore"] = fmt::format("{}", fmt::join(run.problem.ignore, ","));
  if (run.class_weight != "none") out["class_weight"] = run.class_weight;
  if (!run.exclude_models.empty())
    out["exclude_models"] = fmt::format("{}", fmt::join(run.exclude_models, ","));
  if (run.n_folds) out["folds"] = fmt::format("{}", *run.n_folds);
  if (run.n_repeats) out["repeats"] = fmt::format("{}", *run.n_repeats);
  if (run.n_nested > 0) out["nested"] = fmt::format("{}", run.n_nested);
  if (run.distill) out["distill"] = "true";
  for (const auto& [key, value] : automl::to_json(run.constraints).items())
    out[key] = value.is_string() ? value.get<std::string>() : value.dump();
  return out;
}

/// The members of the ensemble with their weights.
std::string ensemble_of(const automl::RunResult& result) {
  std::string out;
  for (const automl::LeaderboardRow& row : result.leaderboard)
    if (row.weight > 0 && !row.estimator.empty())
      out += fmt::format("{}{:.3f} {}", out.empty() ? "" : " + ", row.weight, row.model);
  return out;
}

nlohmann::json server_of(const track::TrackerOptions& options) {
  return {{"uri", track::parse_url(options.uri).original}, {"experiment", options.experiment}};
}

/// Where the run that is resumed was on the server.
std::optional<track::MlflowClient::RunPlace> earlier_place(const automl::RunOptions& run,
                                                           const nlohmann::json& server) {
  if (!run.resume || !automl::RunStore::exists(run.run_folder())) return {};
  try {
    const auto fact = automl::RunStore::attach(run.run_folder()).fact("tracking");
    if (!fact || fact->value("server", nlohmann::json()) != server) return {};
    return track::MlflowClient::RunPlace{fact->at("experiment_id"), fact->at("run_id"),
                                         fact->at("artifact_uri")};
  } catch (const std::exception& error) {
    log::warning("the earlier run on the tracking server is not known", {{"reason", error.what()}});
    return {};
  }
}

track::TrackerOptions with_earlier_place(track::TrackerOptions options, const automl::RunOptions& run) {
  options.continued = earlier_place(run, server_of(options));
  return options;
}

}  // namespace

RunTracking::RunTracking(track::TrackerOptions options, const TrainRequest& request,
                         track::Tracker::Note note)
    : run_folder_(request.run.run_folder()),
      server_(server_of(options)),
      tracker_(with_earlier_place(std::move(options), request.run), std::move(note)) {
  tracker_.start({{"mlflow.source.name", "kolosal train"},
                  {"mlflow.source.type", "LOCAL"},
                  {"kolosal.version", std::string(kVersion)}});
  tracker_.params(params_of(request));
}

void RunTracking::keep_place() {
  const auto place = has_store_ && !is_place_kept_ ? tracker_.place() : std::nullopt;
  if (!place || !automl::RunStore::exists(run_folder_)) return;
  is_place_kept_ = true;
  try {
    automl::RunStore::attach(run_folder_)
        .set_fact("tracking", {{"server", server_},
                               {"experiment_id", place->experiment_id},
                               {"run_id", place->run_id},
                               {"artifact_uri", place->artifact_uri}});
  } catch (const Error& error) {
    log::warning("the place of the run on the tracking server is not kept", {{"reason", error.what()}});
  }
}

void RunTracking::on_event(const automl::Event& event) {
  using Kind = automl::Event::Kind;
  // From the first trial on the folder surely holds this run, and not one that it replaces.
  if (event.kind == Kind::kTrialStart) has_store_ = true;
  keep_place();
  const auto step = static_cast<std::int64_t>(event.n_trials_done);
  if (event.kind == Kind::kTrialEnd) {
    tracker_.metric("trial_" + event.metric, event.score, step);
    tracker_.metric("best_" + event.metric, event.best_score, step);
    tracker_.metric("elapsed_s", event.elapsed_s, step);
  }
  if (event.kind == Kind::kCheckpoint) tracker_.metric("blend_" + event.metric, event.score, step);
}

void RunTracking::end(const automl::RunResult& result) {
  tracker_.tags({{"kolosal.run_id", result.run_id},
                 {"kolosal.task", result.task},
                 {"kolosal.metric", result.metric},
                 {"kolosal.validation", result.validation},
                 {"kolosal.ensemble", ensemble_of(result)}});
  const auto step = static_cast<std::int64_t>(result.n_trials);
  tracker_.metric(result.metric, result.score, step);
  tracker_.metric("best_" + result.metric, result.score, step);
  tracker_.metric("train_s", result.elapsed_s, step);
  tracker_.metric("trials", static_cast<double>(result.n_trials), step);
  tracker_.metric("failed_trials", static_cast<double>(result.n_failed), step);
  tracker_.metric("model_bytes", static_cast<double>(result.model_bytes), step);
  tracker_.metric("rows", static_cast<double>(result.n_rows), step);
  if (result.nested.n_done() > 0) tracker_.metric("nested_" + result.metric, result.nested.mean(), step);
  if (result.distillation) tracker_.metric("distillation_cost", result.distillation->cost, step);
  tracker_.artifact(result.model_path, result.model_path.filename().string());
  tracker_.document(
      automl::to_json(result).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
      "result.json");
  tracker_.finish(result.interrupted ? track::Status::kKilled : track::Status::kFinished);
}

void RunTracking::fail(const std::string& why) {
  tracker_.tags({{"kolosal.error", why}});
  tracker_.finish(track::Status::kFailed);
}

std::string RunTracking::close(double timeout_s) {
  const track::Report report = tracker_.close(timeout_s);
  keep_place();  // a short run may have been over before the server had answered
  return report_text(report);
}

std::string report_text(const track::Report& report) {
  std::string out;
  if (report.n_left > 0)
    out = report.spool.empty()
              ? fmt::format("the tracking server did not take {} updates; they are lost", report.n_left)
              : fmt::format(
                    "the tracking server did not take {} updates; they are kept in {}, and kolosal runs sync "
                    "sends them",
                    report.n_left, report.spool.string());
  if (report.n_dropped > 0)
    out += fmt::format("{}{} updates for the tracking server were dropped", out.empty() ? "" : "; ",
                       report.n_dropped);
  return out;
}

}  // namespace kolosal::service
