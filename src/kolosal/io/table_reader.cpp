#include "kolosal/io/table_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/io/byte_source_internal.hpp"
#include "kolosal/io/format.hpp"
#include "kolosal/io/output_file_internal.hpp"

namespace kolosal::io {
namespace {

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

const Format& format_by_name(const std::string& name) {
  std::vector<std::string> known;
  for (const Format* format : formats()) {
    if (format->name == name) return *format;
    known.emplace_back(format->name);
  }
  const std::string nearest = nearest_name(name, known);
  throw Error(ErrorCode::kInvalidParameter, "unknown format: '{}'; {}known are {}", name,
              nearest.empty() ? "" : fmt::format("did you mean '{}'? ", nearest), fmt::join(known, ", "));
}

const Format* format_by_extension(const std::filesystem::path& path) {
  const std::string extension = lower(without_compression(path).extension().string());
  for (const Format* format : formats())
    if (std::find(format->extensions.begin(), format->extensions.end(), extension) !=
        format->extensions.end())
      return format;
  return nullptr;
}

// Parquet and Arrow files are certain by their first bytes, whatever their name. Text that looks like JSON is
// JSON unless the name says something else.
const Format& format_to_read(const std::filesystem::path& path, const ReadOptions& options) {
  if (options.format) return format_by_name(*options.format);
  const Format* const by_name = path == "-" ? nullptr : format_by_extension(path);
  const std::string head = peek_content(path, 4096);
  for (const Format* format : formats()) {
    if (format == &jsonl_format() && by_name) continue;
    if (format->recognizes && format->recognizes(head)) return *format;
  }
  return by_name ? *by_name : csv_format();
}

const Format& format_to_write(const std::filesystem::path& path, const WriteOptions& options) {
  if (options.format) return format_by_name(*options.format);
  const Format* const by_name = path == "-" ? nullptr : format_by_extension(path);
  return by_name ? *by_name : csv_format();
}

}  // namespace

const std::vector<std::string>& default_missing_tokens() {
  static const std::vector<std::string> tokens{"",     "NA",   "N/A",  "n/a",  "na",   "#N/A", "#NA",
                                               "<NA>", "NaN",  "nan",  "NAN",  "-NaN", "-nan", "null",
                                               "NULL", "Null", "None", "none", "?",    "-"};
  return tokens;
}

data::Frame read_table(const std::filesystem::path& path, const ReadOptions& options, const Context& context,
                       ReadReport* report) {
  ReadReport unused;
  return format_to_read(path, options).read(path, options, context, report ? *report : unused);
}

std::unique_ptr<TableStream> open_table_stream(const std::filesystem::path& path, const ReadOptions& options,
                                               const Context& context) {
  return format_to_read(path, options).open(path, options, context);
}

std::string_view output_format(const std::filesystem::path& path, const WriteOptions& options) {
  return format_to_write(path, options).name;
}

std::unique_ptr<TableWriter> make_table_writer(const std::filesystem::path& path, const WriteOptions& options,
                                               const Context& context) {
  return format_to_write(path, options).create(path, options, context);
}

std::vector<const Format*> formats() {
  return {&csv_format(), &jsonl_format(), &parquet_format(), &arrow_format()};
}

}  // namespace kolosal::io
