#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::io {

struct WriteOptions {
  std::optional<std::string>
      format;          ///< "csv", "jsonl", "parquet", "arrow". Default: by the name of the file, or csv.
  char delimiter = 0;  ///< CSV: 0 is a tab for .tsv and a comma else.
};

/// Writes a table batch by batch. All batches have the same names and types.
///
/// A file is written under a temporary name beside its place and renamed by close(), so it is there whole or
/// not at all; without close() the destructor removes it. The standard output ("-") gets its bytes at once.
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  /// @throws Error kIo naming the path and the reason: disk full, broken pipe.
  virtual void write(const data::Frame& batch) = 0;
  /// Completes the file. Without a batch before, an empty file is written. @throws Error kIo.
  virtual void close() = 0;
};

/// The format that make_table_writer() takes: "csv", "jsonl", "parquet" or "arrow".
std::string_view output_format(const std::filesystem::path& path, const WriteOptions& options);

/// The format is that of the options or of the name: .csv, .tsv, .jsonl, .ndjson, .parquet, .arrow, each also
/// with .gz or .zst where the format is text.
///
/// CSV: missing cells are empty, empty strings are "". A row of one missing cell is "", since readers skip an
/// empty line.
/// @throws Error kIo when the place can not be written to; kUnsupported for a format that this build lacks.
std::unique_ptr<TableWriter> make_table_writer(const std::filesystem::path& path, const WriteOptions& options,
                                               const Context& context);

}  // namespace kolosal::io
