#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/io/formats/csv_scanner_internal.hpp"
#include "kolosal/io/table_reader.hpp"

namespace kolosal::io {

/// What the start of a CSV text tells about all of it.
struct CsvHead {
  CsvDialect dialect;
  bool has_header = true;
  std::vector<std::string> names;  ///< One per column; made up (column_3) where the file has none.
  std::size_t data_begin = 0;      ///< Where the first row of data starts in the text.
};

/// Looks at the first records of `text` (all of the file when `is_all`). Empty when it needs more of the
/// file.
/// @throws Error kData: empty, header only, duplicate names, not UTF-8.
std::optional<CsvHead> read_csv_head(std::string_view text, bool is_all, const std::string& path,
                                     const ReadOptions& options, std::vector<std::string>& notes);

/// The first byte of [begin, end) that can not be: 0, or no UTF-8. Null: none.
const char* find_bad_byte(const char* begin, const char* end);

/// The error for such a byte, at this offset and line of the file.
[[noreturn]] void throw_bad_byte(const char* byte, const std::string& path, std::size_t offset,
                                 std::size_t line);

}  // namespace kolosal::io
