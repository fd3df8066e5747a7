#pragma once

#include <string>

#include "kolosal/automl/run.hpp"

namespace kolosal::cli {

/// "0.92931", or "-" where there is no number.
std::string score_text(double score);
/// "0.912 to 0.934"; "" without an interval.
std::string interval_text(double low, double high);
/// "f1 0.71, 95 % 0.68 to 0.74, at threshold 0.31".
std::string full_score_text(const automl::RunResult& result);
/// The ranked models as a table.
std::string leaderboard_text(const std::vector<automl::LeaderboardRow>& rows, const std::string& metric);
/// "roc_auc 0.87 of the forest, 0.88 of the blend of 5 that it learned from; it costs 0.01".
std::string distillation_text(const automl::Distillation& distillation, const std::string& metric);
/// "roc_auc 0.87 ± 0.02, of 5 of 5 outer folds, each judged by a search without it".
std::string nested_text(const automl::NestedScores& nested, const std::string& metric);
/// What `kolosal train` prints at its end: leaderboard, ensemble, where the model is, what to type next.
std::string run_report(const automl::RunResult& result, const std::string& data, const std::string& target);

}  // namespace kolosal::cli
