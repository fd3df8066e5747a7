#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/io/table_reader.hpp"
#include "kolosal/io/table_writer.hpp"

namespace kolosal::io {

/// One file format: how its files are known, read and written. All functions are plain; "-" is the standard
/// stream.
struct Format {
  std::string_view name;                     ///< "csv"
  std::vector<std::string_view> extensions;  ///< ".csv", ".tsv"; without .gz and .zst
  /// Whether a file that starts with these (up to 4096, already decompressed) bytes is certainly of this
  /// format. Null: never certain.
  bool (*recognizes)(std::string_view first_bytes) = nullptr;
  /// Fills report (never null) as far as it applies to the format.
  data::Frame (*read)(const std::filesystem::path& path, const ReadOptions& options, const Context& context,
                      ReadReport& report) = nullptr;
  std::unique_ptr<TableStream> (*open)(const std::filesystem::path& path, const ReadOptions& options,
                                       const Context& context) = nullptr;
  std::unique_ptr<TableWriter> (*create)(const std::filesystem::path& path, const WriteOptions& options,
                                         const Context& context) = nullptr;
};

const Format& csv_format();      // formats/csv_format.cpp
const Format& jsonl_format();    // formats/json_lines_format.cpp
const Format& parquet_format();  // formats/arrow_files.cpp
const Format& arrow_format();    // formats/arrow_files.cpp

/// All of them, in the order in which they are tried.
std::vector<const Format*> formats();

}  // namespace kolosal::io
