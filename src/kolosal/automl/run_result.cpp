#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/automl/run.hpp"

namespace kolosal::automl {

nlohmann::json to_json(const RunResult& result) {
  auto board = nlohmann::json::array();
  for (const LeaderboardRow& row : result.leaderboard) board.push_back(to_json(row));
  return {{"run", result.run_id},
          {"model", result.model_path.string()},
          {"model_bytes", result.model_bytes},
          {"task", result.task},
          {"metric", result.metric},
          {"higher_is_better", result.higher_is_better},
          {"score", std::isfinite(result.score) ? nlohmann::json(result.score) : nlohmann::json()},
          {"score_interval", interval_json(result.score_low, result.score_high)},
          {"threshold", result.threshold},
          {"validation", result.validation},
          {"leaderboard", board},
          {"n_rows", result.n_rows},
          {"trials", result.n_trials},
          {"failed_trials", result.n_failed},
          {"interrupted", result.interrupted},
          {"resumed", result.resumed},
          {"elapsed_s", result.elapsed_s},
          {"notes", result.notes}};
}

}  // namespace kolosal::automl
