#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>

#include "kolosal/automl/trial.hpp"

namespace kolosal::automl {

/// The validation loss by round of a trial's folds, at up to about 60 rounds: {"round": [1, 6, ...], "folds":
/// [[loss at these rounds, ...], ...], "kept_round": [of each fold], "kept_loss": [...]}, with 6 digits. A
/// fold that ended before has null. null for learners without rounds.
nlohmann::json round_losses_json(std::span<const FoldResult> folds);

}  // namespace kolosal::automl
