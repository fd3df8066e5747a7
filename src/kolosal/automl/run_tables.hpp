#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/store/database.hpp"

namespace kolosal::automl {

// The tables that hold what runs did: "run" (facts by name), "trial" and "event". The same on a server, where
// each row has the id of its run, as in the file of one run, where kFileRun stands for it.
//
// Errors: Error kIo of the database.

/// The run of a file that holds one.
constexpr std::string_view kFileRun = "";

/// Makes the tables, or brings those of an earlier version up to date.
/// @throws Error kUnsupported when a newer version wrote them.
void prepare_run_tables(store::Database& database);
bool has_run_tables(const store::Database& database);

std::optional<std::string> fact_text(const store::Database& database, std::string_view run,
                                     std::string_view name);
void set_fact_text(store::Database& database, std::string_view run, std::string_view name,
                   std::string_view text);

/// All facts of a run as one object.
nlohmann::json head_json(const store::Database& database, std::string_view run);
/// The same of all runs, without the plan, and with "n_trials": how many ended with a result, the baseline
/// not counted. By id.
std::map<std::string, nlohmann::json> all_heads_json(const store::Database& database);
/// The facts with "trials" and "events".
nlohmann::json run_json(const store::Database& database, std::string_view run);

/// What a database has of a run already, so that only what is new is written again.
using KnownRows = std::map<std::string, std::uint64_t>;

/// Copies a run into another database, in one transaction; what `known` has is passed over, and what is
/// written is added to it. A row that is there is replaced.
void copy_run(const store::Database& from, std::string_view from_run, store::Database& to,
              std::string_view to_run, KnownRows& known);

void delete_run(store::Database& database, std::string_view run);

}  // namespace kolosal::automl
