#pragma once

#include <filesystem>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/automl/events.hpp"
#include "kolosal/automl/options.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::automl {

struct Blend;
struct TrialResult;

/// Scores of the outer folds of a nested validation (run_nested()).
struct NestedScores {
  std::vector<double> scores;  ///< By fold; NaN of one that had no time yet or failed. Empty: no validation.

  std::size_t n_done() const;
  double mean() const;       ///< NaN without a score
  double deviation() const;  ///< standard deviation; NaN with fewer than two scores
};

/// {"folds": 5, "scores": [0.81, null, ...], "mean": ..., "deviation": ...}
nlohmann::json to_json(const NestedScores& nested);
NestedScores nested_from_json(const nlohmann::json& json);

/// What a run gave, beside the model file.
struct RunResult {
  std::string run_id;
  std::filesystem::path model_path;
  std::uint64_t model_bytes = 0;
  std::string task;
  std::string metric;
  bool higher_is_better = true;
  double score = 0;  ///< of the blend on rows its members did not see
  double score_low = std::numeric_limits<double>::quiet_NaN();  ///< as in LeaderboardRow
  double score_high = std::numeric_limits<double>::quiet_NaN();
  double threshold = 0.5;  ///< of the model, see pipeline::Model
  std::string validation;  ///< "5 folds", "hold-out of 4,884 rows"
  std::vector<LeaderboardRow> leaderboard;
  std::size_t n_rows = 0;
  std::size_t n_trials = 0;  ///< that ended with a result, the baseline not counted
  std::size_t n_failed = 0;
  bool interrupted = false;  ///< by the user; the model is the best so far
  bool resumed = false;
  double elapsed_s = 0;
  std::vector<std::string> notes;
  NestedScores nested;
  std::optional<Distillation> distillation;
};

nlohmann::json to_json(const RunResult& result);

/// What the blend and the problem tell of a run.
RunResult result_of(const Blend& blend, const std::vector<TrialResult>& results, const Problem& problem);

/// Turns a table into a model file: plans, tries, blends, refits, saves.
///
/// Budget: context.deadline is the moment by which the process must be able to exit; context.cancel ends the
/// search early. A valid model file is in place after the baseline has fitted, and is replaced whenever a
/// better one is ready. Where no learner is left, has the time or works, that of the baseline stays, and a
/// note tells why, with the reason of each.
/// @throws Error kData, kInvalidParameter (see make_problem), kMemory, kIo.
RunResult run(data::Frame table, const RunOptions& options, const Context& context, const EventSink& sink);

}  // namespace kolosal::automl
