#pragma once

#include <filesystem>
#include <memory>

#include "kolosal/store/driver_internal.hpp"

namespace kolosal::store {

/// A SQLite file; see Database.
std::unique_ptr<Connection> open_sqlite(const std::filesystem::path& path, bool may_create);

}  // namespace kolosal::store
