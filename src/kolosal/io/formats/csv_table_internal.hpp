#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/io/formats/csv_head_internal.hpp"

namespace kolosal::io {

/// A part of a file in memory that starts at the start of a record.
struct CsvWindow {
  const char* begin = nullptr;
  const char* end = nullptr;
  bool is_last = true;     ///< The file ends here; else the last record may be cut.
  std::size_t offset = 0;  ///< Of begin, in the (decompressed) file.
  std::size_t line = 1;    ///< Of begin, counted from 1.
  bool is_mapped = false;  ///< A mapped file, whose pages may be given back for a while.
};

/// Rows that one task reads, and what it found in them.
struct CsvPart {
  const char* begin = nullptr;
  const char* limit = nullptr;      ///< Records that start before it belong to this part.
  const char* end = nullptr;        ///< Where the last of them ended.
  std::size_t n_expected_rows = 0;  ///< By counting lines: rows may be skipped, or quoted oddly.
  std::size_t n_rows = 0;
  std::size_t n_bad_rows = 0;
  std::vector<ColumnStats> stats;

  enum class Problem { kNone, kRagged, kOpenQuote, kBadByte };
  Problem problem = Problem::kNone;
  const char* where = nullptr;
  std::size_t n_found = 0;  ///< Cells of the ragged row.
  std::size_t n_lines = 0;  ///< Lines of the ragged row.
};

/// What reading a window once, by guessed plans, gave.
struct CsvAttempt {
  std::vector<CsvPart> parts;  ///< As analyze() gives them.
  std::vector<ColumnBuilder> builders;
};

/// Reads windows of one CSV file, which all have the same head and the same columns.
class CsvTable {
 public:
  /// @throws Error for columns or types that name no column of the file.
  CsvTable(CsvHead head, std::string path, const ReadOptions& options);

  const std::vector<std::string>& names() const { return names_; }
  const CsvHead& head() const { return head_; }
  /// The plans of forced columns; the others are to be inferred.
  const std::vector<ColumnPlan>& forced() const { return forced_; }

  /// The end of the first n rows of a window.
  const char* end_of_rows(const CsvWindow& window, std::size_t n) const;
  /// Both passes at once: types every cell and reads it as its column's guessed plan says; without a guess,
  /// one is made from a sample. Empty when something is unusual or wrong: analyze() handles that, or says it.
  std::optional<CsvAttempt> attempt(const CsvWindow& window, const std::vector<ColumnPlan>* guess,
                                    const Context& context) const;
  /// First pass: cuts the window into parts at record ends and looks at every cell.
  /// @throws Error kData for a ragged row (unless skipped), an open quote, bytes that are no text.
  std::vector<CsvPart> analyze(const CsvWindow& window, const Context& context) const;
  /// The stats of all parts, by column, with the line of the first text.
  std::vector<ColumnStats> merge_stats(const CsvWindow& window, const std::vector<CsvPart>& parts) const;
  /// Types of all columns. Fills the report's decimal and notes.
  std::vector<ColumnPlan> plan(const std::vector<ColumnStats>& stats, ReadReport& report) const;
  /// Second pass: the cells into columns. `report` (may be null) gets the final types. Columns that `attempt`
  /// (may be null) guessed right are taken from it.
  data::Frame build(const CsvWindow& window, const std::vector<CsvPart>& parts,
                    const std::vector<ColumnPlan>& plans, const Context& context, ReadReport* report,
                    CsvAttempt* attempt = nullptr) const;

 private:
  std::vector<CsvPart> split(const CsvWindow& window, const Context& context) const;
  std::size_t set_begin(const CsvWindow& window, const char* start, bool quoted, bool any_quotes,
                        std::size_t n_ends, std::size_t rows_before_previous, const CsvPart& previous,
                        CsvPart& part) const;
  void analyze_part(const CsvWindow& window, CsvPart& part) const;
  std::vector<ColumnPlan> guess_plans(const CsvWindow& window, const std::vector<CsvPart>& parts) const;
  bool attempt_part(const CsvWindow& window, CsvAttempt& attempt, std::size_t index) const;
  bool read_block(CsvScanner& scanner, const CsvWindow& window, CsvPart& part, std::vector<Cell>& row,
                  RowBlock& block) const;
  void check_memory(const std::vector<CsvPart>& parts, const std::vector<ColumnPlan>& plans,
                    const Context& context) const;
  [[noreturn]] void throw_problem(const CsvWindow& window, const CsvPart& part) const;
  [[noreturn]] void throw_bad_cell(const CsvWindow& window, const BadCell& bad, const ColumnPlan& plan) const;
  std::size_t line_of(const CsvWindow& window, const char* where) const;

  CsvHead head_;
  std::string path_;
  ReadOptions options_;
  MissingTokens missing_;
  std::vector<std::string> names_;     // of the columns that are read
  std::vector<std::size_t> selected_;  // their places in the file
  std::vector<ColumnPlan> forced_;
};

}  // namespace kolosal::io
