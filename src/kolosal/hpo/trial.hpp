#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kolosal/core/param.hpp"

namespace kolosal::hpo {

enum class TrialState { kRunning, kComplete, kPruned, kFailed };

/// "running", "complete", "pruned", "failed".
std::string_view state_name(TrialState state);
/// @throws Error kData for any other text.
TrialState state_from_name(std::string_view name);

/// One point that was tried, and what came of it.
struct Trial {
  std::size_t number = 0;  ///< counts from 0 in the order of Study::ask()
  ParamMap params;
  TrialState state = TrialState::kRunning;
  std::optional<double> value;  ///< complete: always; pruned: the last intermediate value, if any
  std::map<std::int64_t, double> intermediate;  ///< by step: rounds, rows, epochs
  std::string note;                             ///< why it failed or was pruned
};

}  // namespace kolosal::hpo
