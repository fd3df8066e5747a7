#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/io/table_reader.hpp"

namespace kolosal::service {

/// What a column of a table is like.
struct ColumnProfile {
  std::string name;
  data::ColumnType type = data::ColumnType::kText;
  std::string reason;  ///< Why it has this type.
  std::size_t n_missing = 0;
  std::size_t n_distinct = 0;  ///< Of the present cells.
  std::string minimum;         ///< "" where there is no order or no cell.
  std::string maximum;
  std::string most_frequent;  ///< Of strings and booleans.
  std::vector<std::string>
      findings;  ///< What looks suspicious: "constant", "every cell differs: an identifier?"
};

struct TableProfile {
  io::ReadReport read;
  std::size_t n_rows = 0;
  std::size_t n_bytes = 0;          ///< In memory.
  std::size_t n_repeated_rows = 0;  ///< That equal an earlier row.
  std::vector<ColumnProfile> columns;
};

TableProfile profile_table(const data::Frame& table, const io::ReadReport& read, const Context& context);
/// Reads the file and looks at it.
TableProfile profile_file(const std::filesystem::path& path, const io::ReadOptions& options,
                          const Context& context);
nlohmann::json to_json(const TableProfile& profile);

}  // namespace kolosal::service
