#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "kolosal/automl/assembly.hpp"
#include "kolosal/automl/options.hpp"
#include "kolosal/automl/problem.hpp"

namespace kolosal::automl {

/// What a model file tells of itself: task, score, leaderboard, lineage. Nothing that was measured in seconds
/// or depends on the threads is in that of a run of trials, whose files have the same bytes each time.
nlohmann::json manifest_json(const Blend& blend, const std::vector<TrialResult>& results,
                             const Problem& problem, std::uint64_t fingerprint, const RunOptions& options,
                             std::size_t n_threads);

}  // namespace kolosal::automl
