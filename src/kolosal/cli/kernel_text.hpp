#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/infer/served_forests.hpp"

namespace kolosal::cli {

/// What `kolosal info MODEL --kernels` says: nanoseconds per row of each kernel of each learner by the number
/// of rows, the fastest first.
nlohmann::json kernels_json(const std::vector<infer::LearnerTimings>& learners);
std::string kernels_text(const std::vector<infer::LearnerTimings>& learners);

}  // namespace kolosal::cli
