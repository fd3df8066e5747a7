#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace kolosal::cli {

// Runs of the history (automl::RunHistory) as text.

/// One line per run, as RunHistory::list() gives them.
std::string runs_text(const std::vector<nlohmann::json>& runs);

/// All of one run: RunHistory::read().
std::string run_page(const nlohmann::json& run);

/// One trial of it, by the name that run_page() gives it. @throws Error kNotFound.
nlohmann::json trial_of(const nlohmann::json& run, const std::string& name);
std::string trial_page(const nlohmann::json& trial);

/// Runs side by side, and what of it differs: {"runs": [...], "rows": [{"what", "values", "differs"}],
/// "notes":
/// [...]}.
nlohmann::json compare_runs(const std::vector<nlohmann::json>& runs);
std::string comparison_text(const nlohmann::json& comparison);

/// The trials of runs as CSV, one line each.
std::string trials_csv(const std::vector<nlohmann::json>& runs);

}  // namespace kolosal::cli
