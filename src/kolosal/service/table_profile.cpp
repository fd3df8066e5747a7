#include "kolosal/service/table_profile.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "kolosal/artifact/atomic_file.hpp"
#include "kolosal/profile/html_page.hpp"
#include "kolosal/profile/profile_json.hpp"

namespace kolosal::service {

FileProfile profile_file(const std::filesystem::path& path, const io::ReadOptions& read,
                         profile::ProfileOptions options, const Context& context) {
  FileProfile out;
  const data::Frame table = io::read_table(path, read, context, &out.read);
  for (const io::ColumnReport& column : out.read.columns) options.type_reasons[column.name] = column.reason;
  out.table = profile::profile_table(table, options, context);
  return out;
}

nlohmann::json to_json(const FileProfile& profile) {
  nlohmann::json out = profile::to_json(profile.table);
  out["format"] = profile.read.format;
  out["compression"] = profile.read.compression;
  out["encoding"] = profile.read.encoding;
  out["skipped_rows"] = profile.read.n_skipped_rows;
  if (profile.read.delimiter) out["delimiter"] = std::string(1, profile.read.delimiter);
  for (const std::string& note : profile.read.notes) out["notes"].push_back(note);
  return out;
}

void write_html(const FileProfile& profile, const std::filesystem::path& table,
                const std::filesystem::path& output, std::size_t max_columns) {
  profile::HtmlOptions options;
  options.title = table == "-" ? "standard input" : table.filename().string();
  options.source = profile.read.format;
  if (!profile.read.compression.empty()) options.source += ", " + profile.read.compression;
  if (table != "-") options.source = fmt::format("{} ({})", table.string(), options.source);
  options.max_columns = max_columns;
  options.notes = profile.read.notes;
  const std::string page = profile::html_page(profile.table, options);
  artifact::write_file_atomically(output, std::as_bytes(std::span(page)), false);
}

}  // namespace kolosal::service
