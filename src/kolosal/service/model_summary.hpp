#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "kolosal/automl/run.hpp"
#include "kolosal/infer/session.hpp"

namespace kolosal::service {

/// Everything that a model file tells about itself: task, scores, schema, steps, members with their weights,
/// leaderboard, lineage, and the sizes of its blocks.
nlohmann::json summarize_model(const infer::Session& session);

/// Name, type, role, missing cells, and where there are such: range, number of levels.
nlohmann::json describe_field(const data::Field& field);

/// What a run gave, as its model file has it: for a run whose own result can not be waited for.
/// @throws Error as Container::open().
automl::RunResult result_of_model(const std::filesystem::path& path);

}  // namespace kolosal::service
