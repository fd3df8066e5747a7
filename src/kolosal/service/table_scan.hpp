#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/schema.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/service/target_scan.hpp"

namespace kolosal::service {

/// What one pass over a table tells that does not fit in memory: what Schema::of() the whole table would.
struct TableScan {
  data::Schema schema;
  std::size_t n_rows = 0;
  std::optional<TargetScan> target;  ///< Absent without a target.
  std::vector<std::string> notes;
};

/// @throws Error of the reader; kData when there is no column `target`; kInterrupted.
TableScan scan_table(const std::filesystem::path& path, const io::ReadOptions& read,
                     const std::string& target, const Context& context);

/// A column that the user, or a recipe, names by its option (target, ignore), of a table from `path`.
/// @throws Error kData naming the file, the option and the nearest column.
const data::Column& named_column(const data::Frame& table, const std::string& name, const char* option,
                                 const std::filesystem::path& path);

/// Bytes that the table will take in memory as columns, by the size of the file; 0 when that is not known.
std::size_t estimated_table_bytes(const std::filesystem::path& path);

}  // namespace kolosal::service
