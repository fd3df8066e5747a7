#include "kolosal/service/table_profile.hpp"

#include <nlohmann/json.hpp>
#include <utility>

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

}  // namespace kolosal::service
