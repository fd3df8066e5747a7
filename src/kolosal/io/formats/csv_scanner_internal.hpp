#pragma once

#include <cstddef>
#include <vector>

#include "kolosal/io/byte_finder_internal.hpp"
#include "kolosal/io/column_builder_internal.hpp"

namespace kolosal::io {

/// How a CSV text is written.
struct CsvDialect {
  char delimiter = ',';
  char newline = '\n';  ///< The last byte of a line end; '\r' only for files without any '\n'.
  bool blank_before_quote =
      false;  ///< `a, "b"`: blanks between a delimiter and a quote belong to neither cell.
};

/// Takes CSV apart, record by record.
///
/// A quote opens only at the start of a cell; elsewhere it is an ordinary character. In quotes, "" is a
/// quote. What follows a closing quote up to the delimiter is appended, as in Python's csv module.
class CsvScanner {
 public:
  /// [begin, end) starts at the start of a record.
  CsvScanner(const char* begin, const char* end, const CsvDialect& dialect)
      : position_(begin),
        end_(end),
        dialect_(dialect),
        finder_(begin, end, dialect.delimiter, dialect.newline) {}

  bool at_end() const { return position_ == end_; }
  const char* position() const { return position_; }

  /// Reads the next record: up to `capacity` cells go to `cells`. Returns how many there are. An empty line
  /// is one cell that is empty and not quoted.
  std::size_t next(Cell* cells, std::size_t capacity, std::deque<std::string>& unescaped);

  /// Of the last record: whether it ended with a newline (else it ended with the text).
  bool complete() const { return complete_; }
  /// Of the last record: a quote that is never closed, or that only the opening quote of a later line could
  /// close. Null: there is none.
  const char* open_quote() const { return open_quote_; }

 private:
  const char* read_quoted(Cell& cell, std::deque<std::string>& unescaped);

  const char* position_;
  const char* end_;
  CsvDialect dialect_;
  ByteFinder finder_;
  bool complete_ = true;
  const char* open_quote_ = nullptr;
};

}  // namespace kolosal::io
