#pragma once

#include <string>

#include "kolosal/automl/run.hpp"
#include "kolosal/service/training.hpp"
#include "kolosal/track/tracker.hpp"

namespace kolosal::service {

/// Sends a training run to an MLflow server while it works: parameters and tags at its start, the score of
/// each trial and the best so far as steps, at its end the final score, figures, the result as result.json
/// and the model file.
///
/// Threads: on_event() comes from the run's threads, one call at a time; it only puts updates into a queue.
class RunTracking {
 public:
  /// @throws Error kInvalidParameter for an address that is none.
  RunTracking(track::TrackerOptions options, const TrainRequest& request, track::Tracker::Note note);

  void on_event(const automl::Event& event);
  void end(const automl::RunResult& result);
  void fail(const std::string& why);
  /// Waits at most so long for the server to have all. What there is to tell the user, or "".
  std::string close(double timeout_s);

 private:
  track::Tracker tracker_;
};

/// A sentence on how it went, or "" when the server has all.
std::string report_text(const track::Report& report);

}  // namespace kolosal::service
