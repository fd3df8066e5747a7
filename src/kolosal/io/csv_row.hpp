#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/data/field_reader.hpp"
#include "kolosal/io/table_reader.hpp"

namespace kolosal::io {

/// How the lines are written. What read_table() infers from a whole table is given here.
struct CsvRowOptions {
  char delimiter = ',';
  char decimal = '.';  ///< Or ',' beside another delimiter.
  std::vector<std::string> missing_tokens = default_missing_tokens();
};

/// Reads lines of CSV as rows of a table whose fields are known, without frames.
///
/// A line is read as a prediction reads a table of that one line: quotes (RFC 4180, also around line ends),
/// missing words, numbers, dates (year first, or the order that the cell itself tells; of 01/02/2024 the
/// month first, of 01.02.2024 the day), booleans and levels. An empty cell is missing; a quoted empty one is
/// so too, but for texts and categories.
/// Threads: const use is safe from many threads, each with a scratch of its own.
class CsvRowReader {
 public:
  /// What a thread keeps from row to row, so that a row allocates nothing (unless quotes stand in quotes).
  class Scratch {
   public:
    Scratch();
    ~Scratch();

   private:
    friend class CsvRowReader;
    struct Parts;
    std::unique_ptr<Parts> parts_;
  };

  /// Lines hold the fields in their order.
  explicit CsvRowReader(const std::vector<data::Field>& fields, const CsvRowOptions& options = {});
  /// Lines hold what the first line of `header` names, in any order; names that are no field are passed over.
  /// @throws Error kData for a field that is absent (nearest name suggested) or named twice.
  CsvRowReader(const std::vector<data::Field>& fields, std::string_view header,
               const CsvRowOptions& options = {});
  CsvRowReader(CsvRowReader&&) noexcept;
  ~CsvRowReader();

  /// What follows the header, a view into it.
  std::string_view header_end() const { return header_end_; }

  /// Cells of a line.
  std::size_t n_cells() const { return field_of_.size(); }

  /// Reads the line at the start of text and returns what follows it. Lines before it that are blank are
  /// passed over; when nothing else is left, nothing is returned and no cell is written. cells: by field;
  /// texts in them live as long as `text` and the next use of the scratch.
  /// @throws Error kData for another number of cells, an open quote, or a value that can not be read as the
  /// field's type (with column, value, and the byte of `text`).
  std::optional<std::string_view> read(std::string_view text, std::span<data::RowCell> cells,
                                       data::RowArena& arena, Scratch& scratch) const;

 private:
  struct Dialect;

  std::vector<data::Field> fields_;
  std::vector<data::FieldReader> readers_;
  std::vector<std::size_t> field_of_;  // by cell; fields_.size(): none
  std::string_view header_end_;
  std::unique_ptr<const Dialect> dialect_;
};

}  // namespace kolosal::io
