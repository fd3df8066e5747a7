#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/data/column.hpp"
#include "kolosal/io/cell_internal.hpp"
#include "kolosal/io/table_reader.hpp"

namespace kolosal::io {

// From cells to typed columns, the part that all text formats share. A reader goes over its rows twice: first
// ColumnStats look at every cell and plan_column() chooses the type; then a ColumnBuilder, made for the exact
// number of rows, takes every cell. Rows come in parts (chunks of the file) that may be worked on at the same
// time; what is kept per part is merged in the order of the parts, so that the result does not depend on how
// rows were cut.

/// A few rows of cells, row after row: small enough for the first-level cache.
struct RowBlock {
  std::vector<Cell> cells;  ///< n_rows * n_columns
  std::size_t n_columns = 0;
  std::size_t n_rows = 0;
  std::deque<std::string> unescaped;  ///< Owns the text of transient cells.

  const Cell& cell(std::size_t row, std::size_t column) const { return cells[row * n_columns + column]; }
  void clear() {
    n_rows = 0;
    unescaped.clear();
  }
};

/// A few rows of a CSV text whose quoting is plain (kernel::index_cells): where each cell ends.
struct CellBlock {
  const char* base = nullptr;
  const std::uint32_t* ends =
      nullptr;  ///< Places from base, row after row; ends[-1] is that of the byte before.
  std::size_t n_rows = 0;
  std::size_t n_columns = 0;
};

/// What the cells of a column are.
struct ColumnStats {
  std::uint32_t kinds = 0;
  std::size_t n_present = 0;  ///< Neither missing nor a quoted empty cell.
  std::size_t n_empty = 0;    ///< Quoted empty cells: empty strings in a string column, else missing.
  std::size_t n_missing = 0;
  std::size_t text_bytes = 0;  ///< Of the present cells.
  const char* first_text =
      nullptr;  ///< The first cell that is nothing but text, in the window of the reader.
  std::string first_text_value;
  std::size_t first_text_line = 0;  ///< Set by the reader.

  void merge(const ColumnStats& later);
};

/// How the cells of a column are read.
struct ColumnPlan {
  data::ColumnType type = data::ColumnType::kText;
  bool forced = false;
  bool verbatim = false;   ///< Forced to text: every cell as it is.
  bool undecided = false;  ///< A string column: category or text, as its levels tell.
  DateOrder order = DateOrder::kYmd;
  char decimal = '.';
  std::string reason;
};

/// The plan of a column whose type the user chose; an empty name means that it is to be inferred.
/// @throws Error kInvalidParameter for an unknown type name.
ColumnPlan forced_plan(const ReadOptions& options, const std::string& column);

/// date or timestamp.
bool is_moment_type(data::ColumnType type);

/// Adds the cells of one column of a block. `plan` matters only where it is forced.
void add_to_stats(const RowBlock& block, std::size_t column, const ColumnPlan& plan,
                  const MissingTokens& missing, ColumnStats& stats);

/// Adds one cell.
void add_to_stats(const Cell& cell, const ColumnPlan& plan, const MissingTokens& missing, ColumnStats& stats);

/// '.' or ',' for a whole file: a comma when some column is a number only with it and none only with a point.
char infer_decimal(const std::vector<ColumnStats>& stats);

/// Chooses the type by all cells. Notes are sentences for ReadReport.
ColumnPlan plan_column(const std::string& name, const ColumnStats& stats, char decimal,
                       std::vector<std::string>& notes);

/// Completes the plan of a forced column: the order of day and month, the decimal sign.
void settle_forced_plan(const ColumnStats& stats, char decimal, ColumnPlan& plan);

/// A cell that its column's type can not hold.
struct BadCell {
  const char* where = nullptr;  ///< In the window of the reader.
  std::string value;
  std::size_t row = 0;
  std::size_t column = 0;
  bool found = false;

  /// Whether this one is to be told rather than the other: the one in the first row, whatever the cuts.
  bool precedes(const BadCell& other) const { return found && (!other.found || row < other.row); }
};

class LevelTable;
class DistinctHashes;

/// Takes the cells of one column and makes it.
///
/// Threads: fill() of different parts may run at once.
class ColumnBuilder {
 public:
  /// parts: the stats of each part, in order. n_rows_of: the rows of each part.
  ColumnBuilder(ColumnPlan plan, const std::vector<ColumnStats>& parts,
                const std::vector<std::size_t>& n_rows_of);
  /// For a plan that is only a guess, before any cell was looked at: give the cells to add(), then call
  /// settle(). n_bytes_of: no part has more bytes of text.
  ColumnBuilder(ColumnPlan guess, const std::vector<std::size_t>& n_rows_of,
                const std::vector<std::size_t>& n_bytes_of);
  ~ColumnBuilder();
  ColumnBuilder(ColumnBuilder&&) noexcept;

  /// Takes a block whose first row is row `first_row` of the part. Rows of a part come in order.
  void fill(std::size_t part, std::size_t first_row, const RowBlock& block, std::size_t column,
            const MissingTokens& missing, BadCell& bad);

  /// As fill(), and adds the cells to `stats`, which are complete even when the guess is wrong.
  void add(std::size_t part, std::size_t first_row, const RowBlock& block, std::size_t column,
           const MissingTokens& missing, ColumnStats& stats);
  /// The same for plain cells: several times as fast. Bytes up to 64 beyond the block must be readable.
  void add(std::size_t part, std::size_t first_row, const CellBlock& block, std::size_t column,
           const MissingTokens& missing, ColumnStats& stats);
  /// After the last row of a part.
  void end_part(std::size_t part);

  enum class Settled {
    kGood,         ///< The guess was right: go on as after fill().
    kWrong,        ///< The column must be built by its plan.
    kWrongIsText,  ///< The same, and it is known to have too many levels for a category.
  };
  /// Whether what was added is what `plan`, made of the stats of all parts, asks for.
  Settled settle(const ColumnPlan& plan, const std::vector<ColumnStats>& parts,
                 const std::vector<std::size_t>& n_rows_of, const Context& context);

  /// After all parts: whether the cells must be given once more, since a string column turned out to be text.
  bool needs_second_fill(const Context& context);
  data::Column finish();
  data::ColumnType type() const { return plan_.type; }
  const std::string& reason() const { return plan_.reason; }
  bool was_infinite() const { return infinite_.load(std::memory_order_relaxed); }

 private:
  struct Buffers;
  struct Part;
  void allocate();
  void set_missing(std::size_t row);
  template <typename Store>
  void fill_typed(std::size_t row, const RowBlock& block, std::size_t column, const MissingTokens& missing,
                  BadCell& bad, Store&& store);
  void fill_codes(Part& part, std::size_t row, const RowBlock& block, std::size_t column,
                  const MissingTokens& missing);
  void fill_text(Part& part, std::size_t row, const RowBlock& block, std::size_t column,
                 const MissingTokens& missing);
  bool merge_levels(const Context& context);
  void take_totals(const std::vector<ColumnStats>& parts);
  void join_texts(const Context& context);
  void add_hashed(Part& part, std::size_t row, const Cell& cell, const MissingTokens& missing,
                  ColumnStats& stats);
  void start_part(Part& part);
  void add_cell(Part& part, std::size_t row, const Cell& cell, const MissingTokens& missing,
                ColumnStats& stats);
  template <typename Read>
  void add_plain(Part& part, std::size_t first_row, const CellBlock& block, std::size_t column,
                 const MissingTokens& missing, ColumnStats& stats, Read&& read);
  void add_memorized(Part& part, std::size_t first_row, const CellBlock& block, std::size_t column,
                     const MissingTokens& missing, ColumnStats& stats);
  void add_text(Part& part, std::size_t first_row, const CellBlock& block, std::size_t column,
                const MissingTokens& missing, ColumnStats& stats);

  ColumnPlan plan_;
  std::size_t n_rows_ = 0;
  std::size_t n_present_ = 0;  // as a string column: empty strings are present
  std::size_t text_bytes_ = 0;
  bool has_missing_ = false;
  std::size_t max_levels_ = 0;
  std::shared_ptr<Buffers> buffers_;
  std::vector<Part> parts_;
  std::atomic<bool> too_many_levels_{false};
  std::atomic<bool> infinite_{false};
  std::atomic<bool> wrong_{false};                  // a cell that the guessed type can not hold
  std::unique_ptr<DistinctHashes> distinct_texts_;  // of a column guessed to be text
  std::shared_ptr<const data::Dictionary> dictionary_;
};

/// Bytes that a column of these cells takes, for the check against the memory limit.
std::size_t estimated_bytes(const ColumnPlan& plan, const ColumnStats& stats);

}  // namespace kolosal::io
