#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::io {

enum class OnBadRows {
  kError,  ///< The first row with a wrong number of cells is an error that names its line.
  kSkip,   ///< Such rows are left out and counted (ReadReport::n_skipped_rows).
};

/// The cells that mean "no value" unless ReadOptions says otherwise. Compared with the cell without
/// surrounding blanks, case matters: "", NA, N/A, n/a, na, #N/A, #NA, <NA>, NaN, nan, NAN, -NaN, -nan, null,
/// NULL, Null, None, none, ?, -.
const std::vector<std::string>& default_missing_tokens();

/// How a table is read. What is not set is inferred, and ReadReport tells what was.
struct ReadOptions {
  std::optional<std::string> format;  ///< "csv", "jsonl", "parquet", "arrow". Default: by content and name.
  char delimiter = 0;                 ///< CSV: 0 chooses among comma, semicolon, tab and pipe.
  std::optional<bool> header;         ///< CSV: whether the first line holds the names.
  char decimal = 0;                ///< CSV: '.' or ','; 0 infers it (a comma only beside another delimiter).
  std::string encoding = "utf-8";  ///< "utf-8" or "latin-1". A UTF-16 byte order mark is obeyed in any case.
  std::vector<std::string> missing_tokens = default_missing_tokens();
  OnBadRows on_bad_rows = OnBadRows::kError;

  /// Forced types by column name (data::type_name); "*" stands for all other columns; any other name that the
  /// file lacks is an error. A column forced to "text" keeps every cell exactly as it stands in the file: no
  /// blanks are cut and nothing is missing, not even "" and "NA". Only the quotes of CSV are undone.
  std::map<std::string, std::string> types;
  bool types_may_be_absent =
      false;  ///< Whether a type for a column that the file lacks is passed over, not refused.
  std::vector<std::string> columns;  ///< Only these, in this order. Empty: all.
  std::size_t max_rows = 0;          ///< 0: no limit. Types are inferred from these rows only.

  std::size_t batch_rows = 0;          ///< Streams: at most so many rows per batch. 0: by bytes.
  std::size_t batch_bytes = 16 << 20;  ///< Streams: about so many bytes of the file per batch.
  std::size_t memory_limit_bytes = 0;  ///< 0: the limit of the Context.
  std::size_t chunk_bytes = 0;         ///< Work of one task. 0: by size. The result does not depend on it.
};

/// What a column became and why.
struct ColumnReport {
  std::string name;
  data::ColumnType type = data::ColumnType::kText;
  std::string reason;
};

/// What the reader found and decided.
struct ReadReport {
  std::string format;
  std::string compression;  ///< "gzip", "zstd" or "".
  std::string encoding;
  char delimiter = 0;  ///< CSV only, as the next two.
  char decimal = '.';
  bool header = true;
  std::size_t n_rows = 0;  ///< Rows in the result (streams: so far).
  std::size_t n_skipped_rows = 0;
  std::vector<ColumnReport> columns;
  std::vector<std::string> notes;  ///< Whole sentences, worth showing to the user.
};

/// Reads a whole table. "-" is the standard input; gzip and zstd are undone, known by their first bytes.
///
/// Types come from all rows: bool (true/false, yes/no, t/f, y/n), int, float, date and timestamp when every
/// present cell is one; otherwise category, when there are at least 20 rows, levels are at most half of the
/// present cells and at most 65,536, and cells have at most 5 words on average; otherwise text. Digits with
/// leading zeros (007) are names, not numbers. The result does not depend on the number of threads.
/// @throws Error kNotFound, kIo, kData, kMemory, kUnsupported, naming file, line, column and value.
data::Frame read_table(const std::filesystem::path& path, const ReadOptions& options, const Context& context,
                       ReadReport* report = nullptr);

/// A table as a sequence of batches with the same names and types, in bounded memory.
class TableStream {
 public:
  virtual ~TableStream() = default;
  /// The next batch; empty at the end.
  virtual std::optional<data::Frame> next() = 0;
  /// The names of the columns, known before the first batch.
  virtual const std::vector<std::string>& names() const = 0;
  /// Complete for the rows given out so far.
  virtual const ReadReport& report() const = 0;
};

/// Reads a table in batches. A file is read twice: once to type the columns by all rows, once for the cells.
/// The standard input and pipes can be read only once: there the first 64 MB decide, and a later cell that
/// contradicts is an error that says which type to force. With a type forced for every column nothing is
/// inferred. Strings stay text unless they are forced to category, since levels would need the whole table; a
/// forced category has a dictionary per batch.
std::unique_ptr<TableStream> open_table_stream(const std::filesystem::path& path, const ReadOptions& options,
                                               const Context& context);

}  // namespace kolosal::io
