#pragma once

#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/io/column_builder_internal.hpp"
#include "kolosal/io/formats/json_scanner_internal.hpp"

namespace kolosal::io {

/// Whole objects of a file in memory.
struct JsonWindow {
  const char* begin = nullptr;
  const char* end = nullptr;
  std::size_t offset = 0;  ///< Of begin, in the (decompressed) file.
  std::size_t line = 1;    ///< Of begin.
};

/// Rows that one task reads, and what it found in them.
struct JsonPart {
  const char* begin = nullptr;
  const char* end = nullptr;
  std::size_t n_rows = 0;
  std::vector<std::string> names;  ///< The keys of these rows, in the order of their first appearance.
  std::vector<ColumnStats> stats;  ///< One per name.
  JsonProblem problem;
};

/// Reads windows of one file of JSON objects: one per line, or (is_array) the elements of one array.
class JsonTable {
 public:
  JsonTable(std::string path, const ReadOptions& options, bool is_array);

  /// First pass: cuts a window into parts and looks at every value. @throws Error kData naming the line.
  std::vector<JsonPart> analyze(const JsonWindow& window, const Context& context) const;
  /// Adds the keys of these parts to the columns and their stats to those of the columns. `n_rows`: those
  /// before.
  void add(const JsonWindow& window, const std::vector<JsonPart>& parts, std::size_t n_rows,
           std::vector<std::string>& names, std::vector<ColumnStats>& stats) const;
  /// Keeps the columns that were asked for, in that order, and plans them.
  std::vector<ColumnPlan> plan(std::vector<std::string>& names, std::vector<ColumnStats>& stats,
                               ReadReport& report) const;
  /// Second pass. A key that is no column is an error, unless columns were selected.
  data::Frame build(const JsonWindow& window, const std::vector<JsonPart>& parts,
                    const std::vector<std::string>& names, const std::vector<ColumnPlan>& plans,
                    const Context& context, ReadReport* report) const;

 private:
  void analyze_part(JsonPart& part) const;
  template <typename Row>
  void for_each_row(JsonPart& part, RowBlock& block, Row&& row) const;
  [[noreturn]] void throw_problem(const JsonWindow& window, const JsonProblem& problem) const;

  std::string path_;
  ReadOptions options_;
  bool is_array_;
  MissingTokens missing_;
};

}  // namespace kolosal::io
