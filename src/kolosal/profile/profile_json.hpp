#pragma once

#include <nlohmann/json_fwd.hpp>

#include "kolosal/profile/profile.hpp"

namespace kolosal::profile {

/// Everything of the profile; numbers that do not exist are null. docs/profile.md describes the keys.
nlohmann::json to_json(const TableProfile& profile);

}  // namespace kolosal::profile
