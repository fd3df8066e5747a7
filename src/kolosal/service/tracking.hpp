#pragma once

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "kolosal/automl/run.hpp"
#include "kolosal/service/training.hpp"
#include "kolosal/track/tracker.hpp"

namespace kolosal::service {

/// Sends a training run to an MLflow server while it works: parameters and tags at its start, the score of
/// each trial and the best so far as steps, at its end the final score, figures, the result as result.json
/// and the model file. The run's own store has its place on the server as fact "tracking".
///
/// Threads: on_event() comes from the run's threads, one call at a time; it only puts updates into a queue.
class RunTracking {
 public:
  /// A run that is resumed goes on with its run on the server, as far as that is the same server and
  /// experiment. @throws Error kInvalidParameter for an address that is none.
  RunTracking(track::TrackerOptions options, const TrainRequest& request, track::Tracker::Note note);

  void on_event(const automl::Event& event);
  void end(const automl::RunResult& result);
  void fail(const std::string& why);
  /// Waits at most so long for the server to have all. What there is to tell the user, or "".
  std::string close(double timeout_s);

 private:
  void keep_place();

  std::filesystem::path run_folder_;
  nlohmann::json server_;  // its address and experiment
  // The end may come from the watchdog while the run is still at it.
  std::atomic<bool> has_store_ = false;
  std::atomic<bool> is_place_kept_ = false;
  track::Tracker tracker_;
};

/// A sentence on how it went, or "" when the server has all.
std::string report_text(const track::Report& report);

}  // namespace kolosal::service
