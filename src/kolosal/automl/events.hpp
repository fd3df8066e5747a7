#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace kolosal::automl {

/// One line of the leaderboard.
struct LeaderboardRow {
  std::size_t rank = 0;
  std::size_t trial = 0;
  std::string model;           ///< "lightgbm small", "blend"
  std::string estimator;       ///< registry name; "" for the blend
  double score = 0;            ///< the run's metric on rows the model did not see
  double score_deviation = 0;  ///< standard deviation over the folds; NaN with one fold
  /// 95 % of the scores on other rows of the same kind lie between them; NaN where it was not computed.
  double score_low = std::numeric_limits<double>::quiet_NaN();
  double score_high = std::numeric_limits<double>::quiet_NaN();
  double fit_s = 0;  ///< thread-seconds of all its folds
  double predict_us_per_row = 0;
  std::size_t size_bytes = 0;
  double weight = 0;  ///< in the blend; 0 = not in it
  std::string note;   ///< why it was cut short or left out
};

/// What it costs to have one forest in the place of the blend that it learned from (distillation.hpp). Both
/// are judged on validation rows that neither saw in any form.
struct Distillation {
  std::size_t n_members = 0;  ///< of the blend
  double blend_score = 0;
  double forest_score = 0;
  double cost = 0;  ///< of the score: above 0, the forest is worse
  double blend_loss = 0;
  double forest_loss = 0;
};

/// What a run tells while it works. CLI bar, JSON lines and tests read the same events.
struct Event {
  enum class Kind {
    kPhase,         ///< phase changed: "read", "prepare", "search", "ensemble", "refit", "save", "done"
    kTrialStart,    ///< trial, message = model name
    kTrialEnd,      ///< trial, message = model name, score
    kTrialSkipped,  ///< message = model name, note = why
    kCheckpoint,    ///< a better model file is in place; score
    kNote,          ///< something the user should know: rows dropped, columns ignored
    kTick,          ///< nothing new; time has passed
  };
  Kind kind = Kind::kTick;
  std::string phase;
  std::string message;
  std::string note;
  std::size_t trial = 0;
  std::size_t n_trials_done = 0;
  std::size_t n_trials_planned = 0;  ///< 0: as many as the time allows
  std::string metric;                ///< what the scores are; "" before it is known
  double score = 0;                  ///< NaN when there is none
  double best_score = 0;             ///< NaN when there is none
  double elapsed_s = 0;              ///< since the process started
  double remaining_s = 0;            ///< infinity when the budget is counted in trials
};

/// "phase", "trial_start", ...
std::string_view event_name(Event::Kind kind);
nlohmann::json to_json(const Event& event);
nlohmann::json to_json(const LeaderboardRow& row);
nlohmann::json to_json(const Distillation& distillation);
Distillation distillation_from_json(const nlohmann::json& json);
/// [low, high], or null without.
nlohmann::json interval_json(double low, double high);

/// Called from the run's threads, one call at a time.
using EventSink = std::function<void(const Event&)>;

}  // namespace kolosal::automl
