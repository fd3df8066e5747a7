#pragma once

#include <memory>

#include "kolosal/store/driver_internal.hpp"
#include "kolosal/store/server_url.hpp"

namespace kolosal::store {

/// A session with a PostgreSQL server; see Database.
std::unique_ptr<Connection> open_postgres(const ServerUrl& server, double timeout_s);

/// Question marks that stand for values become $1, $2, ...
std::string numbered_placeholders(std::string_view sql);

}  // namespace kolosal::store
