#pragma once

#include <optional>

#include "kolosal/cli/command.hpp"
#include "kolosal/service/tracking.hpp"

namespace kolosal::cli {

/// Appends --track and --track-experiment.
void add_track_options(std::vector<Option>& options);

/// A run that is sent to a tracking server while it works; nothing without --track.
class TrackedRun {
 public:
  /// note: gets what there is to tell while the run works, on any thread.
  TrackedRun(const Config& config, const service::TrainRequest& request, track::Tracker::Note note);

  /// The end of the time budget that belongs to the last updates and the model's way to the server.
  double reserve_s() const;
  void on_event(const automl::Event& event);
  /// Waits for the server as long as the budget allows, and tells what it did not take.
  void end(const automl::RunResult& result);
  void fail(const std::string& why);

 private:
  double patience_s(bool is_hurried) const;

  std::optional<service::RunTracking> tracking_;
  std::optional<double> budget_s_;
};

}  // namespace kolosal::cli
