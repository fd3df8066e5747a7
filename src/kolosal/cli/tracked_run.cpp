#include "kolosal/cli/tracked_run.hpp"

#include <algorithm>

#include "kolosal/automl/run_history.hpp"
#include "kolosal/cli/kolosal_home.hpp"
#include "kolosal/cli/output.hpp"

namespace kolosal::cli {

void add_track_options(std::vector<Option>& options) {
  options.push_back(text_option("track", "URI",
                                "Send parameters, scores and the model to this MLflow server while it works: "
                                "http://host:port."));
  options.push_back(text_option("track_experiment", "NAME", "The experiment there.", std::string("kolosal")));
}

TrackedRun::TrackedRun(const Config& config, const service::TrainRequest& request,
                       track::Tracker::Note note) {
  const auto uri = config.optional_text("track");
  if (!uri) return;
  track::TrackerOptions options;
  options.uri = *uri;
  options.experiment = config.text("track_experiment");
  options.run_name = request.run.output.stem().string();
  // Without a home, what is left is kept beside the model.
  options.spool = request.run.history.empty()
                      ? std::filesystem::path(request.run.output.string() + ".track.jsonl")
                      : spool_folder(config) / (automl::new_run_id() + ".track.jsonl");
  tracking_.emplace(std::move(options), request, std::move(note));
  budget_s_ = request.run.time_budget_s;
}

double TrackedRun::reserve_s() const {
  return tracking_ && budget_s_ ? std::clamp(0.04 * *budget_s_, 0.2, 2.0) : 0;
}

void TrackedRun::on_event(const automl::Event& event) {
  if (tracking_) tracking_->on_event(event);
}

double TrackedRun::patience_s(bool is_hurried) const {
  constexpr double kHurried_s = 2, kPatient_s = 10;
  const double most = is_hurried ? kHurried_s : kPatient_s;
  return budget_s_ ? std::min(most, *budget_s_ - Clock::system().now_s()) : most;
}

void TrackedRun::end(const automl::RunResult& result) {
  if (!tracking_) return;
  tracking_->end(result);
  if (const auto text = tracking_->close(patience_s(result.interrupted)); !text.empty()) note(text);
}

void TrackedRun::fail(const std::string& why) {
  if (!tracking_) return;
  tracking_->fail(why);
  if (const auto text = tracking_->close(patience_s(true)); !text.empty()) note(text);
}

}  // namespace kolosal::cli
